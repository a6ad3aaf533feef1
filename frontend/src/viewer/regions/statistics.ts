/** PURE. What a region measures: values under it in the modality's unit, its area or its length. */
import type { RegionKind } from '../types'
import type { Point2 } from './geometry'
import { isOutline } from './shapes'

/** The pixels of one frame as they are stored, one value each, row by row: a hand moves over millions of them, and
 * only those in the region are rescaled. */
export interface Values {
  rows: number
  columns: number
  data: ArrayLike<number>
  /** To the modality's unit (HU for CT): stored x slope + intercept. */
  slope: number
  intercept: number
  unit: string
}

export interface Intensities {
  /** How many pixel centres lie in the region. */
  count: number
  mean: number
  /** Of these pixels as a whole (divided by count). */
  sd: number
  minimum: number
  maximum: number
  unit: string
}

export interface Statistics {
  intensities: Intensities | null
  area: { value: number; unit: 'mm²' | 'px²' } | null
  /** The line; of a bidirectional measurement its longer axis; of an outline its circumference. */
  length: { value: number; unit: 'mm' | 'px' } | null
  /** The shorter axis of a bidirectional measurement. */
  width: { value: number; unit: 'mm' | 'px' } | null
  angle_degrees: number | null
}

type Point3 = readonly [number, number, number]
type Shape = { kind: RegionKind; pixels: readonly Point2[]; points?: readonly Point3[] | null }

/** @param values null where the frame has no single value per pixel (colour) or is not loaded.
 * @param spacing_mm between columns, then between rows; null where the image has no millimetres.
 * @param drawn width and height of a pixel in proportion, which angles need where there are none. */
export function measure(shape: Shape, values: Values | null, spacing_mm: Point2 | null, drawn: Point2 = [1, 1]): Statistics {
  const lengths = lengthsOf(shape, spacing_mm)
  return {
    intensities: values && intensitiesOf(shape, values),
    area: areaOf(shape, spacing_mm),
    length: lengths[0] ?? null,
    width: lengths[1] ?? null,
    angle_degrees: shape.kind === 'angle' ? angleOf(scaled(shape.pixels, spacing_mm ?? drawn)) : null,
  }
}

function intensitiesOf(shape: Shape, values: Values): Intensities | null {
  const { data, slope, intercept, unit } = values
  let [count, mean, squares, minimum, maximum] = [0, 0, 0, Infinity, -Infinity]
  for (const index of pixelsIn(shape, values)) {
    const value = (data[index] ?? NaN) * slope + intercept
    // Welford: sums of squares of 12-bit values over a million pixels would lose digits.
    count++
    const delta = value - mean
    mean += delta / count
    squares += delta * (value - mean)
    minimum = Math.min(minimum, value)
    maximum = Math.max(maximum, value)
  }
  if (count === 0) return null
  return { count, mean, sd: Math.sqrt(squares / count), minimum, maximum, unit }
}

/** Indices of the pixels whose centres lie in the region. */
function* pixelsIn({ kind, pixels }: Shape, { rows, columns }: Values): Generator<number> {
  const contains = kind === 'point' ? isPixelOf(pixels) : insideOf(kind, pixels)
  if (!contains) return
  const [xs, ys] = [pixels.map((p) => p[0]), pixels.map((p) => p[1])]
  const reach = kind === 'ellipse' ? Math.max(...axesOf(pixels).radii) : 0
  const [left, right] = clamp(Math.min(...xs) - reach - 0.5, Math.max(...xs) + reach + 0.5, columns)
  const [top, bottom] = clamp(Math.min(...ys) - reach - 0.5, Math.max(...ys) + reach + 0.5, rows)
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) if (contains(x, y)) yield y * columns + x
  }
}

function clamp(from: number, to: number, size: number): [number, number] {
  return [Math.max(0, Math.ceil(from)), Math.min(size - 1, Math.floor(to))]
}

type Inside = (x: number, y: number) => boolean

function isPixelOf([point = [-1, -1]]: readonly Point2[]): Inside {
  return (x, y) => x === Math.round(point[0]) && y === Math.round(point[1])
}

function insideOf(kind: RegionKind, pixels: readonly Point2[]): Inside | null {
  if (kind === 'box' || isOutline(kind)) return (x, y) => isInOutline(pixels, x, y)
  if (kind !== 'ellipse') return null
  const { center, along, radii } = axesOf(pixels)
  return (x, y) => {
    const [dx, dy] = [x - center[0], y - center[1]]
    const u = (dx * along[0] + dy * along[1]) / radii[0]
    const v = (dy * along[0] - dx * along[1]) / radii[1]
    return u * u + v * v <= 1
  }
}

/** Even-odd rule; a centre on the line itself belongs to the region. */
function isInOutline(outline: readonly Point2[], x: number, y: number): boolean {
  let isInside = false
  let before = outline.at(-1) ?? [0, 0]
  for (const corner of outline) {
    const [[x1, y1], [x2, y2]] = [before, corner]
    const side = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
    const isBetween = (x - x1) * (x - x2) <= 0 && (y - y1) * (y - y2) <= 0
    if (side === 0 && isBetween) return true
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) isInside = !isInside
    before = corner
  }
  return isInside
}

/** An ellipse by its ends (bottom, top, left, right). */
function axesOf([bottom = [0, 0], top = [0, 0], left = [0, 0], right = [0, 0]]: readonly Point2[]) {
  const radii: Point2 = [between(left, right) / 2 || Number.EPSILON, between(bottom, top) / 2 || Number.EPSILON]
  const center: Point2 = [(left[0] + right[0]) / 2, (left[1] + right[1]) / 2]
  const along: Point2 = [(right[0] - left[0]) / (2 * radii[0]), (right[1] - left[1]) / (2 * radii[0])]
  return { center, along, radii }
}

function areaOf({ kind, pixels }: Shape, spacing_mm: Point2 | null): Statistics['area'] {
  let square: number
  if (kind === 'ellipse') {
    const { radii } = axesOf(pixels)
    square = Math.PI * radii[0] * radii[1]
  } else if (kind === 'box' || isOutline(kind)) square = shoelace(pixels)
  else return null
  // Scaling both axes scales every area by the product, whatever its shape.
  return spacing_mm
    ? { value: square * spacing_mm[0] * spacing_mm[1], unit: 'mm²' }
    : { value: square, unit: 'px²' }
}

function shoelace(outline: readonly Point2[]): number {
  let [sum, before] = [0, outline.at(-1) ?? ([0, 0] as const)]
  for (const corner of outline) {
    sum += before[0] * corner[1] - corner[0] * before[1]
    before = corner
  }
  return Math.abs(sum) / 2
}

/** Longest first. */
function lengthsOf({ kind, pixels, points: places }: Shape, spacing_mm: Point2 | null): NonNullable<Statistics['length']>[] {
  const points = scaled(pixels, spacing_mm)
  const [a, b, c, d] = points
  const unit = spacing_mm ? 'mm' : 'px'
  let values: number[] = []
  const [from, to] = places ?? []
  // Drawn in a plane across the slices a line leaves its frame, and its pixels are but a shadow of it.
  if (kind === 'length' && spacing_mm && from && to) values = [Math.hypot(...from.map((v, axis) => v - (to[axis] ?? v)))]
  else if ((kind === 'length' || kind === 'arrow') && a && b) values = [between(a, b)]
  else if (kind === 'bidirectional' && a && b && c && d) {
    values = [between(a, b), between(c, d)].sort((one, two) => two - one)
  } else if (isOutline(kind)) {
    values = [points.reduce((sum, point, i) => sum + between(point, points.at(i - 1) ?? point), 0)]
  }
  return values.map((value) => ({ value, unit }))
}

function angleOf([arm, apex, other]: readonly Point2[]): number | null {
  if (!arm || !apex || !other) return null
  const [one, two] = [arm, other].map((end) => [end[0] - apex[0], end[1] - apex[1]] as const)
  if (!one || !two) return null
  const cross = one[0] * two[1] - one[1] * two[0]
  return (Math.atan2(Math.abs(cross), one[0] * two[0] + one[1] * two[1]) * 180) / Math.PI
}

function scaled(pixels: readonly Point2[], spacing_mm: Point2 | null): Point2[] {
  const [sx, sy] = spacing_mm ?? [1, 1]
  return pixels.map(([x, y]) => [x * sx, y * sy])
}

function between(a: Point2, b: Point2): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1])
}
