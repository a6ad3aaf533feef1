/** PURE. Slices between painted ones, by shape: halfway between two outlines lies the mean of their signed
 * distances, in mm. So are cuts of any of the three directions. Only islands that lie over one another are joined: two
 * lesions of a segment stay two. Generators rest after every cut, and after every line of pixels where one takes long. */
import { cut, paste, type Section } from './cuts'
import { binary, withSegment, type Size } from './operations'
import { piecesOf } from './pieces'
import { axesOf, type Axes, type Positions } from './positions'

/** Where the pixels of a map lie, in mm and growing. */
export type PixelGrid = Pick<Axes, 'down' | 'along'>

/** Two distances that cancel out may leave a trace of arithmetic: what lies on the outline is outside. */
const ROUNDING_MM = 1e-9

/** A part of a slice, its last row and column included. */
interface Frame {
  left: number
  top: number
  right: number
  bottom: number
}

/** Which cuts are filled: those of one direction, in every gap or in those that the cut `around` lies in or borders on. */
export interface Gaps {
  of: Section['of']
  around: number | null
}

export const ALL_SLICES: Gaps = { of: 'slice', around: null }

/** The slices with what lies between painted cuts, as they are to be, by index. Cuts are weighted by their distance.
 * @param slices labels of one stack in order, row by row; they stay as they are. */
export function* interpolated(
  slices: readonly Uint8Array[], value: number, size: Size, positions: Positions, { of, around }: Gaps = ALL_SLICES,
): Generator<void, Map<number, Uint8Array>> {
  const filled = new Map<number, Uint8Array>()
  const axes = axesOf(positions, of)
  const cutAt = (index: number) => cut(slices, { of, index }, size)
  for (const [before, after] of yield* gapsOf(cutAt, axes.between.length, value, around)) {
    const { size: area } = cutAt(before)
    const [from, to] = [before, after].map((index) => binary(cutAt(index).labels, value)) as [Uint8Array, Uint8Array]
    const shapes = yield* shapesBetween(from, to, area, axes)
    if (!shapes) continue
    for (let index = before + 1; index < after; index++) {
      const shape = shapes(shareOf(axes.between, before, index, after))
      paste(filled, slices, { of, index }, size, withSegment(cutAt(index).labels, value, shape))
      yield
    }
  }
  return filled
}

/** How far a cut lies on the way from one to another. */
function shareOf(between: readonly number[], from: number, index: number, to: number): number {
  const [start = 0, here = 0, end = 0] = [between[from], between[index], between[to]]
  return (here - start) / (end - start)
}

/** The cuts from one that is painted to the next one that is, where there are others between them. */
function* gapsOf(
  cutAt: (index: number) => { labels: Uint8Array }, count: number, value: number, around: number | null,
): Generator<void, [number, number][]> {
  const painted: number[] = []
  for (let index = 0; index < count; index++) {
    if (cutAt(index).labels.includes(value)) painted.push(index)
    yield
  }
  const neighbours = painted.flatMap((index, i): [number, number][] => (i > 0 ? [[painted[i - 1] ?? 0, index]] : []))
  return neighbours.filter(([before, after]) =>
    after - before > 1 && (around === null || (before <= around && around <= after)))
}

/** The shape at any share of the way; null where nothing of the two lies over the other. */
function* shapesBetween(
  from: Uint8Array, to: Uint8Array, size: Size, axes: Axes,
): Generator<void, ((share: number) => Uint8Array) | null> {
  const lower = yield* over(from, to, size)
  const upper = yield* over(to, from, size)
  const frame = frameOf(lower, upper, size)
  if (!frame) return null
  const grid = { down: axes.down.slice(frame.top, frame.bottom + 1), along: axes.along.slice(frame.left, frame.right + 1) }
  const below = yield* signedDistance(clip(lower, frame, size), grid)
  const above = yield* signedDistance(clip(upper, frame, size), grid)
  return (share) => unclip(between(below, above, share), frame, size)
}

/** The islands of a map that lie over some of another one. */
function* over(map: Uint8Array, other: Uint8Array, { rows, columns }: Size): Generator<void, Uint8Array> {
  const pieces = yield* piecesOf(map, { planes: 1, rows, columns }, 1)
  const isOver = new Uint8Array(pieces.count)
  for (let run = 0; run < pieces.count; run++) {
    if (other.subarray(pieces.starts[run], pieces.ends[run]).includes(1)) isOver[pieces.pieceOf(run)] = 1
  }
  const kept = new Uint8Array(map.length)
  for (let run = 0; run < pieces.count; run++) {
    if (isOver[pieces.pieceOf(run)]) kept.fill(1, pieces.starts[run], pieces.ends[run])
  }
  return kept
}

/** The shape that is this share of the way from one to the other, by their signed distances (Raya and Udupa 1990). */
export function between(from: Float64Array, to: Float64Array, share: number): Uint8Array {
  return Uint8Array.from(from, (distance, i) => ((1 - share) * distance + share * (to[i] ?? 0) < -ROUNDING_MM ? 1 : 0))
}

/** Distance in mm to the outline, which runs between pixels; negative inside. */
export function* signedDistance(map: Uint8Array, grid: PixelGrid): Generator<void, Float64Array> {
  const half = Math.min(smallestStep(grid.down), smallestStep(grid.along)) / 2
  const toSegment = yield* distanceTo(map, grid)
  const toBackground = yield* distanceTo(map.map((bit) => 1 - bit), grid)
  return toSegment.map((d, i) => (map[i] ? half - (toBackground[i] ?? 0) : d - half))
}

/** Of a single row or column, which has none: one. */
function smallestStep(places: readonly number[]): number {
  const found = places.slice(1).map((place, i) => place - (places[i] ?? 0))
  return found.length > 0 ? Math.min(...found) : 1
}

/** The part of a slice that holds both maps, and a pixel of background around them; null where one is empty. */
function frameOf(one: Uint8Array, other: Uint8Array, { rows, columns }: Size): Frame | null {
  if (!one.includes(1) || !other.includes(1)) return null
  const frame = { left: columns, top: rows, right: -1, bottom: -1 }
  for (let i = 0; i < one.length; i++) {
    if (!one[i] && !other[i]) continue
    const [x, y] = [i % columns, Math.floor(i / columns)]
    frame.left = Math.min(frame.left, x)
    frame.right = Math.max(frame.right, x)
    frame.top = Math.min(frame.top, y)
    frame.bottom = Math.max(frame.bottom, y)
  }
  const { left, top, right, bottom } = frame
  return {
    left: Math.max(left - 1, 0), top: Math.max(top - 1, 0),
    right: Math.min(right + 1, columns - 1), bottom: Math.min(bottom + 1, rows - 1),
  }
}

function sizeOf({ left, top, right, bottom }: Frame): Size {
  return { rows: bottom - top + 1, columns: right - left + 1 }
}

function clip(map: Uint8Array, frame: Frame, { columns }: Size): Uint8Array {
  const part = sizeOf(frame)
  const found = new Uint8Array(part.rows * part.columns)
  for (let y = 0; y < part.rows; y++) {
    const start = (frame.top + y) * columns + frame.left
    found.set(map.subarray(start, start + part.columns), y * part.columns)
  }
  return found
}

function unclip(map: Uint8Array, frame: Frame, { rows, columns }: Size): Uint8Array {
  const part = sizeOf(frame)
  const whole = new Uint8Array(rows * columns)
  for (let y = 0; y < part.rows; y++) {
    whole.set(map.subarray(y * part.columns, (y + 1) * part.columns), (frame.top + y) * columns + frame.left)
  }
  return whole
}

/** Exact Euclidean distance of every pixel to the nearest 1, in mm (Felzenszwalb 2012); beyond the grid where there is none. */
function* distanceTo(map: Uint8Array, { down, along }: PixelGrid): Generator<void, Float64Array> {
  const far = (lengthOf(down) + lengthOf(along) + 1) ** 2
  const squares = Float64Array.from(map, (bit) => (bit ? 0 : far))
  const columns = along.length
  for (let x = 0; x < columns; x++) {
    transformLine(squares, x, columns, down)
    yield
  }
  for (let y = 0; y < down.length; y++) {
    transformLine(squares, y * columns, 1, along)
    yield
  }
  return squares.map(Math.sqrt)
}

function lengthOf(places: readonly number[]): number {
  return (places.at(-1) ?? 0) - (places[0] ?? 0)
}

/** Squared distances along one line of pixels at these places: the lower envelope of a parabola over each of them. */
function transformLine(squares: Float64Array, start: number, step: number, places: readonly number[]): void {
  const { length } = places
  const values = Float64Array.from({ length }, (_, i) => squares[start + i * step] ?? 0)
  const centres = new Int32Array(length)
  const borders = new Float64Array(length + 1)
  let last = 0
  borders[0] = -Infinity
  borders[1] = Infinity
  for (let i = 1; i < length; i++) {
    let border = crossing(values, places, centres[last] ?? 0, i)
    while (border <= (borders[last] ?? 0)) {
      last--
      border = crossing(values, places, centres[last] ?? 0, i)
    }
    last++
    centres[last] = i
    borders[last] = border
    borders[last + 1] = Infinity
  }
  for (let i = 0, k = 0; i < length; i++) {
    const place = places[i] ?? 0
    while ((borders[k + 1] ?? Infinity) < place) k++
    const centre = centres[k] ?? 0
    squares[start + i * step] = (place - (places[centre] ?? 0)) ** 2 + (values[centre] ?? 0)
  }
}

function crossing(values: Float64Array, places: readonly number[], one: number, other: number): number {
  const [a, b] = [places[one] ?? 0, places[other] ?? 0]
  return ((values[other] ?? 0) + b * b - ((values[one] ?? 0) + a * a)) / (2 * (b - a))
}
