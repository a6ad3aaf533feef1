/** Stands in for a file of Cornerstone's decoding worker (see vite.config.ts), which refuses the type that it is asked for
 * where the scaled ends of an image fit into another: of 0 and 1 with fractions between them that is Uint8, and all
 * between them was cut down to whole numbers (5.14, decodeImageFrameWorker). Floats hold whatever the ends are. */
import smallestType from 'smallest-pixel-type'

export default smallestType

export function validatePixelDataType(low: number, high: number, type: unknown): boolean {
  return type === Float32Array || type === smallestType(low, high)
}
