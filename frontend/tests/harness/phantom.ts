/** A series without a server: pixels twice as high as wide, values that tell their own place. */
import * as core from '@cornerstonejs/core'
import { rememberSpacing } from '../../src/viewer/spacings'

export const SERIES = '1.2.826.1'
export const [ROWS, COLUMNS, SLICES] = [64, 128, 12]
/** Between columns, rows and slices. */
export const SPACING = [0.5, 1, 3] as const
export const ORIGIN = [-20, 10, 100] as const

const address = (n: number) => `phantom:/series/${SERIES}/instances/1.2.3.${n + 1}/frames/1`
export const IMAGE_IDS = Array.from({ length: SLICES }, (_, n) => address(n))

/** The value of a pixel: 100 x slice + column, so that any misplaced statistic shows. */
function pixels(slice: number): Int16Array {
  return Int16Array.from({ length: ROWS * COLUMNS }, (_, i) => 100 * slice + (i % COLUMNS))
}

export function registerPhantom(): void {
  core.imageLoader.registerImageLoader('phantom', (imageId) => ({
    promise: Promise.resolve(image(imageId) as unknown as core.Types.IImage),
  }))
  for (const imageId of IMAGE_IDS) rememberSpacing(imageId, { '00280030': { vr: 'DS', Value: [SPACING[1], SPACING[0]] } })
  core.metaData.addProvider((type: string, imageId: unknown) => {
    const slice = typeof imageId === 'string' ? IMAGE_IDS.indexOf(imageId) : -1
    return slice < 0 ? undefined : metadata(slice)[type]
  }, 10_000)
}

function metadata(slice: number): Record<string, unknown> {
  const position = [ORIGIN[0], ORIGIN[1], ORIGIN[2] + slice * SPACING[2]]
  return {
    imagePlaneModule: {
      frameOfReferenceUID: '1.2.826.9', rows: ROWS, columns: COLUMNS, usingDefaultValues: false,
      imagePositionPatient: position, imageOrientationPatient: [1, 0, 0, 0, 1, 0],
      rowCosines: [1, 0, 0], columnCosines: [0, 1, 0], columnPixelSpacing: SPACING[0],
      rowPixelSpacing: SPACING[1], pixelSpacing: [SPACING[1], SPACING[0]], sliceThickness: SPACING[2],
    },
    imagePixelModule: {
      bitsAllocated: 16, bitsStored: 16, highBit: 15, pixelRepresentation: 1, samplesPerPixel: 1,
      photometricInterpretation: 'MONOCHROME2', rows: ROWS, columns: COLUMNS,
    },
    generalSeriesModule: { modality: 'CT', seriesInstanceUID: SERIES },
    voiLutModule: { windowCenter: [600], windowWidth: [1300] },
    modalityLutModule: { rescaleSlope: 1, rescaleIntercept: 0 },
  }
}

function image(imageId: string) {
  const data = pixels(IMAGE_IDS.indexOf(imageId))
  const voxelManager = core.utilities.VoxelManager.createImageVoxelManager({
    width: COLUMNS, height: ROWS, scalarData: data, numberOfComponents: 1, id: imageId,
  })
  return {
    imageId, rows: ROWS, columns: COLUMNS, height: ROWS, width: COLUMNS, color: false, rgba: false,
    numberOfComponents: 1, columnPixelSpacing: SPACING[0], rowPixelSpacing: SPACING[1],
    sliceThickness: SPACING[2], slope: 1, intercept: 0, windowCenter: 600, windowWidth: 1300,
    minPixelValue: 0, maxPixelValue: 1300, invert: false, sizeInBytes: data.byteLength,
    dataType: 'Int16Array', voxelManager, getPixelData: () => data, preScale: { enabled: true, scaled: true },
    FrameOfReferenceUID: '1.2.826.9', imageQualityStatus: core.Enums.ImageQualityStatus.FULL_RESOLUTION,
  }
}
