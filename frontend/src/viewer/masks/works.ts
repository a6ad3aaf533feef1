/** Which slices an operation changes, by what the active pane shows and how far it reaches. */
import type { MaskOperation, MaskReach, PaneView } from '../types'
import { onSection } from './cuts'
import { interpolated } from './interpolation'
import type { Labelmap } from './Labelmap'
import { clear, fillHoles, grow, keepLargest, shrink, smooth, type Operation } from './operations'
import { sectionUnder } from './sections'
import { onVolume } from './volume'

/** The segment that is worked on, where it lies, and the pane that shows it. */
export interface Subject {
  map: Labelmap
  value: number
  view: PaneView
}

const OPERATIONS: Record<Exclude<MaskOperation, 'interpolate'>, Operation> = {
  fill_holes: fillHoles, remove_islands: keepLargest, smooth, grow, shrink, clear_slice: clear,
}

/** The slices as they are to be, by index; or why there are none. */
export function workOf(
  operation: MaskOperation, reach: MaskReach, { map, value, view }: Subject,
): Generator<void, Map<number, Uint8Array>> | 'askew' | 'across_slices' {
  const slices = map.slices()
  const size = { rows: map.rows, columns: map.columns }
  const isWhole = reach === 'series' && operation !== 'clear_slice'
  const section = isWhole ? null : sectionUnder(view, map)
  if (!isWhole && !section) return 'askew'
  if (operation === 'interpolate') {
    return section && section.of !== 'slice' ? 'across_slices' : interpolated(slices, value, size, section?.index ?? null)
  }
  return section ? onSection(slices, section, value, size, OPERATIONS[operation]) : onVolume(slices, value, size, OPERATIONS[operation])
}
