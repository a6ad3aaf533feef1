/** Images as the loader of DICOMweb decodes them, those that are scaled by a fraction as floats. */
import * as core from '@cornerstonejs/core'
import { wadors } from '@cornerstonejs/dicom-image-loader'

const FLOATS = { targetBuffer: { type: 'Float32Array' } }

/** After the loader has started. Left to itself it takes the type that the scaled ends of a stack's image fit into
 * (Cornerstone 5.14, decodeImageFrameWorker): where both happen to be whole, 0 and 1 of SUV, all between them is cut down
 * to whole numbers, too. Volumes say the type of all their slices themselves. That the type is heeded: decodedTypes.ts. */
export function decodeFractionsAsFloats(): void {
  const load = wadors.loadImage as core.Types.ImageLoaderFn
  core.imageLoader.registerImageLoader('wadors', (imageId, options) => load(imageId, isCutDown(imageId, options) ? { ...options, ...FLOATS } : options))
}

function isCutDown(imageId: string, options: Record<string, unknown> = {}): boolean {
  if (options.targetBuffer !== undefined || !core.canRenderFloatTextures()) return false
  return core.utilities.hasFloatScalingParameters(core.utilities.getScalingParameters(imageId))
}
