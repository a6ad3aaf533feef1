/** PURE. Which slices an operation changes, by what the active pane shows and how far it reaches. */
import type { MaskOperation, MaskReach } from '../types'
import { onSection, type Section } from './cuts'
import { ALL_SLICES, interpolated } from './interpolation'
import { clear, fillHoles, grow, keepLargest, onSegment, shrink, smooth, type Operation, type Size } from './operations'
import type { NoSpace, Positions } from './positions'
import { onVolume } from './volume'

/** The segment that is worked on, where it lies, and what the active pane shows of it. */
export interface Subject {
  /** Labels of the whole stack in order. */
  slices: readonly Uint8Array[]
  size: Size
  /** Of each slice, where the images of the stack have several sizes; null where all have `size`. */
  sizes: readonly Size[] | null
  value: number
  /** Null where the pane's plane runs askew through the voxels. */
  section: Section | null
  /** Read from the metadata of every slice: asked for only where it matters. */
  positions: () => Positions | NoSpace
}

/** Why there is nothing to do. */
export type WorkRefusal = 'askew' | 'sizes' | NoSpace

type Work = Generator<void, Map<number, Uint8Array> | WorkRefusal>

const OPERATIONS: Record<Exclude<MaskOperation, 'interpolate'>, Operation> = {
  fill_holes: fillHoles, remove_islands: keepLargest, smooth, grow, shrink, clear_slice: clear,
}

/** The slices as they are to be, by index; or why there are none. */
export function* workOf(operation: MaskOperation, reach: MaskReach, subject: Subject): Work {
  const { slices, sizes, value, section } = subject
  const isWhole = reach === 'series' && operation !== 'clear_slice'
  if (!isWhole && !section) return 'askew'
  if (operation === 'interpolate') return yield* filled(subject, isWhole)
  if (!isWhole && section) {
    const size = sizes?.[section.index] ?? subject.size
    return yield* onSection(slices, section, value, size, OPERATIONS[operation])
  }
  // Images that are no neighbours in space are worked on one by one: what one shows says nothing about the next.
  const isSpace = slices.length === 1 || (sizes === null && typeof subject.positions() !== 'string')
  if (isSpace) return yield* onVolume(slices, value, subject.size, OPERATIONS[operation])
  return yield* onEachSlice(slices, value, (index) => sizes?.[index] ?? subject.size, OPERATIONS[operation])
}

/** Between the cuts that the pane shows: those next to the one in sight, or all. A whole series without gaps in that
 * direction was painted on its slices. */
function* filled({ slices, size, sizes, value, section, positions }: Subject, isWhole: boolean): Work {
  if (sizes) return 'sizes'
  const space = positions()
  if (typeof space === 'string') return space
  const gaps = { of: section?.of ?? 'slice', around: isWhole ? null : section?.index ?? null }
  const found = yield* interpolated(slices, value, size, space, gaps)
  if (!isWhole || found.size > 0 || gaps.of === 'slice') return found
  return yield* interpolated(slices, value, size, space, ALL_SLICES)
}

function* onEachSlice(
  slices: readonly Uint8Array[], value: number, sizeOf: (index: number) => Size, operation: Operation,
): Generator<void, Map<number, Uint8Array>> {
  const changed = new Map<number, Uint8Array>()
  for (const [index, labels] of slices.entries()) {
    if (labels.includes(value)) changed.set(index, yield* onSegment(labels, value, sizeOf(index), operation))
    yield
  }
  return changed
}
