/** PURE. The colours of a map: viridis, which people with any colour vision read in the same order and
 * which stays in order without colour (van der Walt & Smith 2015). What says little is left clear. */

type Colour = readonly [number, number, number]

const VIRIDIS: readonly Colour[] = [
  [68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99],
  [170, 220, 50], [253, 231, 37],
]
/** From here on a map covers as much as its opacity says. */
const FULL_FROM = 0.5
const MAX = 255

/** 0 to 1 as red, green, blue. */
export function colourOf(value: number): Colour {
  const at = Math.min(Math.max(value, 0), 1) * (VIRIDIS.length - 1)
  const below = Math.floor(at)
  const [low = [0, 0, 0], high = low] = VIRIDIS.slice(below, below + 2)
  const mixed = (channel: 0 | 1 | 2) => Math.round(low[channel] + (high[channel] - low[channel]) * (at - below))
  return [mixed(0), mixed(1), mixed(2)]
}

/** How much of the image a value covers, 0 to 1. */
export function coverOf(value: number): number {
  return Math.min(Math.max(value, 0) / FULL_FROM, 1)
}

/** Red, green, blue and cover of each value, as one number each: pictures are painted while images are scrolled. */
const TABLE = new Uint32Array(Uint8ClampedArray.from(
  Array.from({ length: MAX + 1 }, (_, value) => [...colourOf(value / MAX), coverOf(value / MAX) * MAX]).flat(),
).buffer)

/** Values of 0 to 255 as red, green, blue and cover, pixel by pixel. */
export function painted(values: Uint8Array): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint32Array(values.length)
  for (let index = 0; index < values.length; index += 1) pixels[index] = TABLE[values[index] ?? 0] ?? 0
  return new Uint8ClampedArray(pixels.buffer)
}

/** The whole scale as a CSS gradient, for legends: as clear where it says little as the map is. */
export function gradient(): string {
  const stops = VIRIDIS.map((colour, at) => `rgb(${colour.join(' ')} / ${coverOf(at / (VIRIDIS.length - 1))})`)
  return `linear-gradient(to right, ${stops.join(', ')})`
}
