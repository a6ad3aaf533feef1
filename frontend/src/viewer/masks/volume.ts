/** PURE. An operation on one segment of a whole series, within the box that holds it; rests after every slice. */
import type { Operation, Size } from './operations'
import type { Grid } from './pieces'

/** Its last column, row and slice included. */
interface Box {
  left: number
  right: number
  top: number
  bottom: number
  first: number
  last: number
}

type Slices = readonly Uint8Array[]

/** The slices that an operation changes, as new labels by index; voxels of other labels are never taken.
 * @param slices labels of one stack in order, row by row; they stay as they are. */
export function* onVolume(
  slices: Slices, value: number, size: Size, operation: Operation,
): Generator<void, Map<number, Uint8Array>> {
  const box = yield* boxOf(slices, value, size)
  if (!box) return new Map()
  const map = yield* mapOf(slices, value, size, box)
  const after = yield* operation(map, gridOf(box))
  return yield* changed(slices, value, size, box, after)
}

function gridOf({ left, right, top, bottom, first, last }: Box): Grid {
  return { planes: last - first + 1, rows: bottom - top + 1, columns: right - left + 1 }
}

/** The box that holds the segment and, where the series goes on, a voxel around it; null where there is none. */
function* boxOf(slices: Slices, value: number, { rows, columns }: Size): Generator<void, Box | null> {
  const box = { left: columns, right: -1, top: rows, bottom: -1, first: slices.length, last: -1 }
  for (const [z, labels] of slices.entries()) {
    yield
    if (!labels.includes(value)) continue
    box.first = Math.min(box.first, z)
    box.last = z
    for (let y = 0; y < rows; y++) {
      const row = labels.subarray(y * columns, (y + 1) * columns)
      const x = row.indexOf(value)
      if (x < 0) continue
      box.left = Math.min(box.left, x)
      box.right = Math.max(box.right, row.lastIndexOf(value))
      box.top = Math.min(box.top, y)
      box.bottom = Math.max(box.bottom, y)
    }
  }
  return box.last < 0 ? null : {
    left: Math.max(box.left - 1, 0), right: Math.min(box.right + 1, columns - 1),
    top: Math.max(box.top - 1, 0), bottom: Math.min(box.bottom + 1, rows - 1),
    first: Math.max(box.first - 1, 0), last: Math.min(box.last + 1, slices.length - 1),
  }
}

function* mapOf(slices: Slices, value: number, { columns }: Size, box: Box): Generator<void, Uint8Array> {
  const grid = gridOf(box)
  const map = new Uint8Array(grid.planes * grid.rows * grid.columns)
  let at = 0
  for (let z = box.first; z <= box.last; z++) {
    const labels = slices[z]
    for (let y = box.top; y <= box.bottom; y++) {
      for (let i = y * columns + box.left; i <= y * columns + box.right; i++, at++) {
        if (labels?.[i] === value) map[at] = 1
      }
    }
    yield
  }
  return map
}

function* changed(
  slices: Slices, value: number, { columns }: Size, box: Box, map: Uint8Array,
): Generator<void, Map<number, Uint8Array>> {
  const found = new Map<number, Uint8Array>()
  let at = 0
  for (let z = box.first; z <= box.last; z++) {
    const before = slices[z] ?? new Uint8Array()
    let after: Uint8Array | null = null
    for (let y = box.top; y <= box.bottom; y++) {
      for (let i = y * columns + box.left; i <= y * columns + box.right; i++, at++) {
        const label = before[i] ?? 0
        const wanted = map[at] ? value : 0
        if (label === wanted || (label !== value && label !== 0)) continue
        after ??= before.slice()
        after[i] = wanted
      }
    }
    if (after) found.set(z, after)
    yield
  }
  return found
}
