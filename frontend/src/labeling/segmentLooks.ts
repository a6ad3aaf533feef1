/** PURE. How segments look from one case to the next. */
import type { SegmentLook } from './SegmentPanel'

/** The opacities that were chosen, with nothing hidden and nothing locked. */
export function shownAndOpen(looks: Readonly<Record<number, SegmentLook>>): Record<number, SegmentLook> {
  return Object.fromEntries(Object.entries(looks).map(([value, look]) => [value, { ...look, isHidden: false, isLocked: false }]))
}
