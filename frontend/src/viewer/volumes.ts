/** Volumes as Cornerstone streams them, in a type of numbers that holds all of their slices. */
import * as core from '@cornerstonejs/core'
import { tableOf } from './modalityTables'
import { typeHolding, type PixelFacts, type PixelType } from './pixelTypes'

const SCHEME = 'firstread-volume'
/** Values of a Modality LUT. */
const LOOKED_UP = { bitsAllocated: 16, bitsStored: 16, isSigned: false, slope: 1, intercept: 0, modality: '', padding: undefined }

export function volumeIdOf(series: string): string {
  return `${SCHEME}:${series}`
}

/** Cornerstone's own loader takes the type of the first, the middle and the last slice where they were seen before,
 * each of which has the smallest that holds its own values: a value beyond it in any other slice came round at the
 * other end (Cornerstone 5.14, generateVolumePropsFromImageIds). */
export function registerVolumes(): void {
  core.volumeLoader.registerVolumeLoader(SCHEME, (volumeId, options) => {
    const volume = volumeOf(volumeId, options as { imageIds: string[] })
    return { promise: Promise.resolve(volume), cancel: () => volume.cancelLoading(), decache: () => volume.destroy() }
  })
}

function volumeOf(volumeId: string, { imageIds }: { imageIds: string[] }): core.StreamingImageVolume {
  const found = core.utilities.generateVolumePropsFromImageIds(imageIds, volumeId)
  return new core.StreamingImageVolume({ ...found, dataType: typeOf(imageIds) }, {
    imageIds: found.imageIds,
    loadStatus: { loaded: false, loading: false, cancelled: false, cachedFrames: [], callbacks: [] },
  })
}

function typeOf(imageIds: readonly string[]): PixelType {
  return typeHolding(imageIds.map(factsOf))
}

function factsOf(imageId: string): PixelFacts {
  const pixels = (core.metaData.get('imagePixelModule', imageId) ?? {}) as Partial<core.Types.ImagePixelModule>
  if (tableOf(imageId)) return LOOKED_UP
  const { bitsAllocated = 16, bitsStored = bitsAllocated, pixelRepresentation, pixelPaddingValue } = pixels as typeof pixels & { pixelPaddingValue?: number }
  const scaling = core.utilities.getScalingParameters(imageId)
  // Where floats cannot be drawn, what would be scaled by a fraction stays as it is stored.
  const isScaled = core.canRenderFloatTextures() || !core.utilities.hasFloatScalingParameters(scaling)
  const { rescaleSlope, rescaleIntercept, modality, suvbw = 1, doseGridScaling = 1 } = scaling as typeof scaling & { doseGridScaling?: number }
  return {
    bitsAllocated, bitsStored, isSigned: Number(pixelRepresentation) === 1, modality, padding: pixelPaddingValue,
    slope: isScaled ? rescaleSlope * suvbw * doseGridScaling : 1, intercept: isScaled ? rescaleIntercept * suvbw : 0,
  }
}
