/** The panel of segments, connected to the mask editor. */
import type { Workstation } from '../viewer/Workstation'
import type { Segment } from './definition'
import type { SideProps } from './ReadingSide'
import type { SegmentPanelProps } from './SegmentPanel'
import type { Masks } from './useMasks'

export function segmentPanelOf({ masks, snapshot, state, workstation }: SideProps, segments: readonly Segment[]): SegmentPanelProps {
  const { editor, selected, looks, brush, isOutlineOnly, isBusy, reach } = masks
  return {
    segments, selected, looks, brush, isOutlineOnly, isBusy, reach,
    isDisabled: snapshot.phase !== 'reading',
    tool: state.tool,
    onOperation: (operation) => void editor.current?.apply(operation, reach),
    onSelect: (value) => {
      masks.select(value)
      if (value !== selected) return
      goToSegment(masks, value, segments, workstation) // a second press on the segment in hand
    },
    onLook: masks.setLook,
    onBrush: masks.setBrush,
    onOutlineOnly: masks.setOutlineOnly,
    onReach: masks.setReach,
  }
}

/** To where most of a segment lies. */
export function goToSegment({ editor }: Masks, value: number, segments: readonly Segment[], workstation: Workstation | null): void {
  const place = editor.current?.placeOf(value, segments.find((one) => one.value === value)?.layer ?? 0)
  if (place) void workstation?.jumpTo(place.sop_instance_uid, place.frame, place.pixel)
}
