/** PURE. Slices between painted ones, by shape: halfway between two outlines lies the mean of their signed
 * distances. Only islands that lie over one another are joined: two lesions of a segment stay two. Generators rest after
 * every slice, and after every line of pixels where a slice takes long. */
import { binary, withSegment, type Size } from './operations'
import { piecesOf } from './pieces'

/** A part of a slice, its last row and column included. */
interface Frame {
  left: number
  top: number
  right: number
  bottom: number
}

/** The empty slices between painted ones as they are to be, by index: of every gap, or of those that the slice
 * `around` lies in or borders on.
 * @param slices labels of one stack in order, row by row; they stay as they are. */
export function* interpolated(
  slices: readonly Uint8Array[], value: number, size: Size, around: number | null = null,
): Generator<void, Map<number, Uint8Array>> {
  const filled = new Map<number, Uint8Array>()
  for (const [before, after] of yield* gapsOf(slices, value, around)) {
    const [from, to] = [before, after].map((index) => binary(slices[index] ?? NOTHING, value)) as [Uint8Array, Uint8Array]
    const lower = yield* over(from, to, size)
    const upper = yield* over(to, from, size)
    const frame = frameOf(lower, upper, size)
    if (!frame) continue
    const below = yield* signedDistance(cut(lower, frame, size), sizeOf(frame))
    const above = yield* signedDistance(cut(upper, frame, size), sizeOf(frame))
    for (let i = before + 1; i < after; i++) {
      const shape = paste(between(below, above, (i - before) / (after - before)), frame, size)
      filled.set(i, withSegment(slices[i] ?? shape, value, shape))
      yield
    }
  }
  return filled
}

const NOTHING = new Uint8Array()

function* gapsOf(slices: readonly Uint8Array[], value: number, around: number | null): Generator<void, [number, number][]> {
  const painted: number[] = []
  for (const [i, labels] of slices.entries()) {
    if (labels.includes(value)) painted.push(i)
    yield
  }
  const neighbours = painted.flatMap((index, i): [number, number][] => (i > 0 ? [[painted[i - 1] ?? 0, index]] : []))
  return neighbours.filter(([before, after]) =>
    after - before > 1 && (around === null || (before <= around && around <= after)))
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
  return Uint8Array.from(from, (distance, i) => ((1 - share) * distance + share * (to[i] ?? 0) < 0 ? 1 : 0))
}

/** Distance in pixels to the outline, which runs between pixels; negative inside. */
export function* signedDistance(map: Uint8Array, size: Size): Generator<void, Float64Array> {
  const toSegment = yield* distanceTo(map, size)
  const toBackground = yield* distanceTo(map.map((bit) => 1 - bit), size)
  return toSegment.map((d, i) => (map[i] ? 0.5 - (toBackground[i] ?? 0) : d - 0.5))
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

function cut(map: Uint8Array, frame: Frame, { columns }: Size): Uint8Array {
  const part = sizeOf(frame)
  const found = new Uint8Array(part.rows * part.columns)
  for (let y = 0; y < part.rows; y++) {
    const start = (frame.top + y) * columns + frame.left
    found.set(map.subarray(start, start + part.columns), y * part.columns)
  }
  return found
}

function paste(map: Uint8Array, frame: Frame, { rows, columns }: Size): Uint8Array {
  const part = sizeOf(frame)
  const whole = new Uint8Array(rows * columns)
  for (let y = 0; y < part.rows; y++) {
    whole.set(map.subarray(y * part.columns, (y + 1) * part.columns), (frame.top + y) * columns + frame.left)
  }
  return whole
}

/** Exact Euclidean distance of every pixel to the nearest 1, in pixels (Felzenszwalb 2012). */
function* distanceTo(map: Uint8Array, { rows, columns }: Size): Generator<void, Float64Array> {
  const far = (rows + columns) ** 2
  const squares = Float64Array.from(map, (bit) => (bit ? 0 : far))
  for (let x = 0; x < columns; x++) {
    transformLine(squares, x, columns, rows)
    yield
  }
  for (let y = 0; y < rows; y++) {
    transformLine(squares, y * columns, 1, columns)
    yield
  }
  return squares.map(Math.sqrt)
}

/** Squared distances along one line: the lower envelope of a parabola over each of its points. */
function transformLine(squares: Float64Array, start: number, step: number, length: number): void {
  const values = Float64Array.from({ length }, (_, i) => squares[start + i * step] ?? 0)
  const centres = new Int32Array(length)
  const borders = new Float64Array(length + 1)
  let last = 0
  borders[0] = -Infinity
  borders[1] = Infinity
  for (let i = 1; i < length; i++) {
    let border = crossing(values, centres[last] ?? 0, i)
    while (border <= (borders[last] ?? 0)) {
      last--
      border = crossing(values, centres[last] ?? 0, i)
    }
    last++
    centres[last] = i
    borders[last] = border
    borders[last + 1] = Infinity
  }
  for (let i = 0, k = 0; i < length; i++) {
    while ((borders[k + 1] ?? Infinity) < i) k++
    const centre = centres[k] ?? 0
    squares[start + i * step] = (i - centre) ** 2 + (values[centre] ?? 0)
  }
}

function crossing(values: Float64Array, a: number, b: number): number {
  return ((values[b] ?? 0) + b * b - ((values[a] ?? 0) + a * a)) / (2 * (b - a))
}
