/** PET images for tests without a server: a window in Bq/ml in the header, and what SUV makes of it. */
import * as core from '@cornerstonejs/core'

export const SUV_PER_BQML = 0.0002
/** By image id: what the loader did to images that are in the cache. */
export const decoded = new Map<string, { suvbw?: number }>()

export function fakePet(): void {
  core.metaData.addProvider((type: string) => {
    if (type === 'voiLutModule') return { windowCenter: [15_000, 5000], windowWidth: [30_000, 10_000] }
    return type === 'scalingModule' ? { suvbw: SUV_PER_BQML } : undefined
  })
  core.cache.getImage = (imageId) => {
    const scalingParameters = decoded.get(imageId)
    return scalingParameters && ({ preScale: { enabled: true, scaled: true, scalingParameters } } as core.Types.IImage)
  }
}
