/** PURE. Cuts through the slices of a label map, and an operation on what one of them shows. */
import { onSegment, type Operation, type Size } from './operations'

/** A slice of the stack, or all voxels of one row (a coronal cut of axial slices) or one column (a sagittal one). */
export interface Section {
  of: 'slice' | 'row' | 'column'
  index: number
}

type Slices = readonly Uint8Array[]

/** The slices that an operation on a cut changes, as new labels by index.
 * @param slices labels of one stack in order, row by row; they stay as they are. */
export function* onSection(
  slices: Slices, section: Section, value: number, size: Size, operation: Operation,
): Generator<void, Map<number, Uint8Array>> {
  const before = cut(slices, section, size)
  const after = yield* onSegment(before.labels, value, before.size, operation)
  const changed = new Map<number, Uint8Array>()
  paste(changed, slices, section, size, after)
  return changed
}

/** The labels of a cut; across the slices each of them is one row. */
export function cut(slices: Slices, { of, index }: Section, { rows, columns }: Size): { labels: Uint8Array; size: Size } {
  if (of === 'slice') return { labels: slices[index] ?? new Uint8Array(rows * columns), size: { rows, columns } }
  const width = of === 'row' ? columns : rows
  const labels = new Uint8Array(slices.length * width)
  for (const [z, slice] of slices.entries()) {
    for (let i = 0; i < width; i++) labels[z * width + i] = slice[voxelOf(of, index, i, columns)] ?? 0
  }
  return { labels, size: { rows: slices.length, columns: width } }
}

/** Put the labels of a cut into the slices that it changes; `changed` may hold those that other cuts have changed. */
export function paste(
  changed: Map<number, Uint8Array>, slices: Slices, { of, index }: Section, { rows, columns }: Size, labels: Uint8Array,
): void {
  if (of === 'slice') {
    changed.set(index, labels)
    return
  }
  const width = of === 'row' ? columns : rows
  for (const [z, slice] of slices.entries()) {
    let after = changed.get(z) ?? null
    for (let i = 0; i < width; i++) {
      const at = voxelOf(of, index, i, columns)
      const label = labels[z * width + i] ?? 0
      if (slice[at] === label) continue
      after ??= slice.slice()
      after[at] = label
    }
    if (after) changed.set(z, after)
  }
}

function voxelOf(of: 'row' | 'column', index: number, along: number, columns: number): number {
  return of === 'row' ? index * columns + along : along * columns + index
}
