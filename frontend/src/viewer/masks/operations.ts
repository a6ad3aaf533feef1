/** PURE. What can be done to one segment, on a slice or in a whole volume: maps of 1 (segment) and 0, row by row
 * and plane after plane. Generators rest after every plane (`bursts.ts`). */
import { piecesOf, type Grid } from './pieces'

export interface Size {
  rows: number
  columns: number
}

export function isSameSize(one: Size, other: Size | undefined): boolean {
  return one.rows === other?.rows && one.columns === other.columns
}

/** From one map to another of the same size. */
export type Operation = (map: Uint8Array, grid: Grid) => Generator<void, Uint8Array>

/** The labels of a slice after an operation on one of them. Voxels of other labels are never taken. */
export function* onSegment(
  labels: Uint8Array, value: number, { rows, columns }: Size, operation: Operation,
): Generator<void, Uint8Array> {
  const after = yield* operation(binary(labels, value), { planes: 1, rows, columns })
  return withSegment(labels, value, after)
}

export function binary(labels: Uint8Array, value: number): Uint8Array {
  const map = new Uint8Array(labels.length)
  for (let i = labels.indexOf(value); i >= 0 && i < labels.length; i++) if (labels[i] === value) map[i] = 1
  return map
}

/** The labels with exactly this map as one of the segments, as far as others leave room. */
export function withSegment(labels: Uint8Array, value: number, map: Uint8Array): Uint8Array {
  return labels.map((label, i) => {
    if (label !== value && label !== 0) return label
    return map[i] ? value : 0
  })
}

/** Labels in which fixed segments are as before, whatever was painted. */
export function withFixed(
  before: Uint8Array | null, after: Uint8Array, fixed: ReadonlySet<number>,
): Uint8Array {
  if (fixed.size === 0) return after
  return after.map((label, i) => {
    const old = before?.[i] ?? 0
    return old !== label && (fixed.has(old) || fixed.has(label)) ? old : label
  })
}

/** The largest piece; pieces touch along edges of pixels, in a volume along faces of voxels. */
export function* keepLargest(map: Uint8Array, grid: Grid): Generator<void, Uint8Array> {
  const pieces = yield* piecesOf(map, grid, 1)
  const sizes = new Float64Array(pieces.count)
  let largest = 0
  for (let run = 0; run < pieces.count; run++) {
    const piece = pieces.pieceOf(run)
    sizes[piece] = (sizes[piece] ?? 0) + (pieces.ends[run] ?? 0) - (pieces.starts[run] ?? 0)
  }
  sizes.forEach((size, piece) => {
    if (size > (sizes[largest] ?? 0)) largest = piece
  })
  const after = new Uint8Array(map.length)
  for (let run = 0; run < pieces.count; run++) {
    if (pieces.pieceOf(run) === largest) after.fill(1, pieces.starts[run], pieces.ends[run])
  }
  return after
}

/** Whatever background does not reach the border becomes segment: of a slice its four sides, of a volume its six. */
export function* fillHoles(map: Uint8Array, grid: Grid): Generator<void, Uint8Array> {
  const pieces = yield* piecesOf(map, grid, 0)
  const isOpen = new Uint8Array(pieces.count)
  for (let run = 0; run < pieces.count; run++) {
    if (reachesBorder(pieces.starts[run] ?? 0, pieces.ends[run] ?? 0, grid)) isOpen[pieces.pieceOf(run)] = 1
  }
  const after = map.slice()
  for (let run = 0; run < pieces.count; run++) {
    if (!isOpen[pieces.pieceOf(run)]) after.fill(1, pieces.starts[run], pieces.ends[run])
  }
  return after
}

function reachesBorder(start: number, end: number, { planes, rows, columns }: Grid): boolean {
  const line = Math.floor(start / columns)
  const [y, z] = [line % rows, Math.floor(line / rows)]
  return start === line * columns || end === (line + 1) * columns || y === 0 || y === rows - 1
    || (planes > 1 && (z === 0 || z === planes - 1))
}

/** The majority of the 3 x 3 pixels, in a volume 3 x 3 x 3 voxels, about each; beyond the border is background. */
export function* smooth(map: Uint8Array, { planes, rows, columns }: Grid): Generator<void, Uint8Array> {
  const after = new Uint8Array(map.length)
  const area = rows * columns
  const majority = planes > 1 ? 14 : 5
  const nothing = new Uint8Array(area)
  const sums = (z: number): Uint8Array => (z < planes ? sumsOf(map.subarray(z * area, (z + 1) * area), rows, columns) : nothing)
  let before: Uint8Array = nothing
  let here = sums(0)
  for (let z = 0; z < planes; z++) {
    const next = sums(z + 1)
    for (let i = 0; i < area; i++) {
      if ((before[i] ?? 0) + (here[i] ?? 0) + (next[i] ?? 0) >= majority) after[z * area + i] = 1
    }
    before = here
    here = next
    yield
  }
  return after
}

/** How many of the 3 x 3 pixels about each are set. */
function sumsOf(map: Uint8Array, rows: number, columns: number): Uint8Array {
  const along = map.map((bit, i) => {
    const x = i % columns
    return bit + (x > 0 ? map[i - 1] ?? 0 : 0) + (x < columns - 1 ? map[i + 1] ?? 0 : 0)
  })
  const last = (rows - 1) * columns
  return along.map((sum, i) => sum + (i >= columns ? along[i - columns] ?? 0 : 0) + (i < last ? along[i + columns] ?? 0 : 0))
}

/** By one pixel or voxel in each direction. */
export function grow(map: Uint8Array, grid: Grid): Generator<void, Uint8Array> {
  return spread(map, grid, 1)
}

/** The border is no edge of the segment: what is cut off there is not eaten away. */
export function shrink(map: Uint8Array, grid: Grid): Generator<void, Uint8Array> {
  return spread(map, grid, 0)
}

function* spread(map: Uint8Array, { planes, rows, columns }: Grid, value: number): Generator<void, Uint8Array> {
  const after = map.slice()
  const area = rows * columns
  for (let z = 0; z < planes; z++) {
    for (let i = z * area; i < (z + 1) * area; i++) {
      if (map[i] !== value) continue
      const [x, y] = [i % columns, Math.floor(i / columns) % rows]
      if (x > 0) after[i - 1] = value
      if (x < columns - 1) after[i + 1] = value
      if (y > 0) after[i - columns] = value
      if (y < rows - 1) after[i + columns] = value
      if (z > 0) after[i - area] = value
      if (z < planes - 1) after[i + area] = value
    }
    yield
  }
  return after
}

export function* clear(map: Uint8Array): Generator<void, Uint8Array> {
  yield // as every operation, though this one is quick
  return new Uint8Array(map.length)
}

/** The middle of a segment's pixels; of none of them NaN. */
export function centreOf(labels: Uint8Array, value: number, columns: number): [number, number] {
  let [x, y, count] = [0, 0, 0]
  labels.forEach((label, i) => {
    if (label !== value) return
    x += i % columns
    y += Math.floor(i / columns)
    count++
  })
  return [Math.round(x / count), Math.round(y / count)]
}
