/** Headers of images for tests without a server: "<kind>/instances/<number>/frames/1" lies 3 mm above the one before, and
 * those of the kind "turned" lie across the others. */
import * as core from '@cornerstonejs/core'

const STEP_MM = 3
/** Those that the cache says are there. */
export const loadedFakes = new Set<string>()

export function placeFakeImages(): void {
  core.cache.isLoaded = (imageId) => loadedFakes.has(imageId)
  core.metaData.addProvider((type: string, imageId: unknown) => {
    if (typeof imageId !== 'string') return undefined
    if (type === 'generalSeriesModule') return { modality: 'CT', seriesInstanceUID: '1.2' }
    return type === 'imagePlaneModule' ? planeOf(imageId) : undefined
  })
}

function planeOf(imageId: string): object {
  const [, number] = /instances\/(\d+)/.exec(imageId) ?? []
  const rowCosines = [1, 0, 0]
  const columnCosines = imageId.startsWith('turned') ? [0, 0, 1] : [0, 1, 0]
  return {
    rows: 8, columns: 8, pixelSpacing: [1, 1], rowPixelSpacing: 1, columnPixelSpacing: 1, usingDefaultValues: false,
    rowCosines, columnCosines, imageOrientationPatient: [...rowCosines, ...columnCosines],
    imagePositionPatient: [0, 0, STEP_MM * Number(number)],
  }
}
