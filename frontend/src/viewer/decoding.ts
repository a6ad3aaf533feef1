/** Images as the loader of DICOMweb decodes them: those that are scaled by a fraction as floats, those with a Modality
 * LUT with its values. */
import * as core from '@cornerstonejs/core'
import { wadors } from '@cornerstonejs/dicom-image-loader'
import { lookUp, type ModalityTable } from './modalityTable'
import { entriesFor, tableOf } from './modalityTables'

const FLOATS = { targetBuffer: { type: 'Float32Array' } }

type Options = Record<string, unknown>

/** After the loader has started. Left to itself it takes the type that the scaled ends of a stack's image fit into
 * (Cornerstone 5.14, decodeImageFrameWorker): where both happen to be whole, 0 and 1 of SUV, all between them is cut down
 * to whole numbers, too. Volumes say the type of all their slices themselves. That the type is heeded: decodedTypes.ts.
 * It knows no Modality LUT. */
export function decodeAsDescribed(): void {
  const load = wadors.loadImage as core.Types.ImageLoaderFn
  core.imageLoader.registerImageLoader('wadors', (imageId, options: Options = {}) => {
    const table = tableOf(imageId)
    if (table) return { promise: lookedUp(load(imageId, asStored(options)).promise, imageId, table) }
    return load(imageId, isCutDown(imageId, options) ? { ...options, ...FLOATS } : options)
  })
}

function isCutDown(imageId: string, options: Options): boolean {
  if (options.targetBuffer !== undefined || !core.canRenderFloatTextures()) return false
  return core.utilities.hasFloatScalingParameters(core.utilities.getScalingParameters(imageId))
}

/** The type that a volume asks for is that of the table's values. */
function asStored(options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([name]) => name !== 'targetBuffer'))
}

async function lookedUp(decoding: Promise<core.Types.IImage>, imageId: string, table: ModalityTable): Promise<core.Types.IImage> {
  const [image, entries] = await Promise.all([decoding, entriesFor(imageId, table)])
  return withPixels(image, lookUp(image.getPixelData(), table.first, entries))
}

function withPixels(image: core.Types.IImage, data: Uint16Array): core.Types.IImage {
  const { columns: width, rows: height } = image
  const { min: low, max: high } = core.utilities.getMinMax(data)
  const voi = core.metaData.get('voiLutModule', image.imageId) as { windowCenter?: unknown } | undefined
  return {
    ...image,
    ...(voi?.windowCenter === undefined && core.utilities.windowLevel.toWindowLevel(low, high)),
    ...(image.imageFrame && { imageFrame: { ...image.imageFrame, pixelData: data } }),
    voxelManager: core.utilities.VoxelManager.createImageVoxelManager({ scalarData: data, width, height, numberOfComponents: 1 }),
    getPixelData: () => data, dataType: 'Uint16Array', sizeInBytes: data.byteLength, minPixelValue: low, maxPixelValue: high,
  }
}
