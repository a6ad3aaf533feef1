/** PURE. The one type of numbers that holds every value that images may have by their headers, whatever values the
 * first of them show. */

export type PixelType = 'Uint8Array' | 'Uint16Array' | 'Int16Array' | 'Float32Array'

export const BYTES: Readonly<Record<PixelType, number>> = { Uint8Array: 1, Uint16Array: 2, Int16Array: 2, Float32Array: 4 }

/** What a header says of the values of an image's pixels. */
export interface PixelFacts {
  bitsAllocated: number
  bitsStored: number
  isSigned: boolean
  /** Of the rescaling; multiplied by whatever else scales. */
  slope: number
  intercept: number
  modality: string
  /** Stored where there is no image (0028,0120). */
  padding: number | undefined
}

/** No scanner tells of more or less: what lies beyond is the stored type's room, not the patient's. */
const CT_NUMBERS = [-(2 ** 15), 2 ** 15 - 1] as const
const MOST_WHOLE_BITS = 16

export function typeHolding(images: readonly PixelFacts[]): PixelType {
  const ends = [0]
  for (const facts of images) {
    if (facts.bitsAllocated > MOST_WHOLE_BITS || ![facts.slope, facts.intercept].every(Number.isInteger)) return 'Float32Array'
    ends.push(...endsOf(facts))
  }
  const [low, high] = [ends.reduce((a, b) => Math.min(a, b)), ends.reduce((a, b) => Math.max(a, b))]
  if (low >= 0 && high < 2 ** 8) return 'Uint8Array'
  if (low >= 0 && high < 2 ** 16) return 'Uint16Array'
  return low >= -(2 ** 15) && high < 2 ** 15 ? 'Int16Array' : 'Float32Array'
}

/** The values that the stored bits may stand for. */
function endsOf({ bitsStored, isSigned, slope, intercept, modality, padding }: PixelFacts): number[] {
  const stored = isSigned ? [-(2 ** (bitsStored - 1)), 2 ** (bitsStored - 1) - 1] : [0, 2 ** bitsStored - 1]
  const scaled = stored.map((value) => value * slope + intercept)
  if (modality !== 'CT') return scaled
  const possible = scaled.map((value) => Math.min(Math.max(value, CT_NUMBERS[0]), CT_NUMBERS[1]))
  return padding === undefined ? possible : [...possible, signed(padding, isSigned) * slope + intercept]
}

/** Headers that were written without knowing the sign hold its bits as a number without one. */
function signed(value: number, isSigned: boolean): number {
  return isSigned && value >= 2 ** 15 ? value - 2 ** 16 : value
}
