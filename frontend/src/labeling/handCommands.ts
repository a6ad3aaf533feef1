/** What keys do to what is in hand: the region that is selected, the label, the segment and its brush. */
import { MASK_OPERATIONS } from '../viewer/types'
import type { Commands } from './actions'
import type { Room } from './commands'
import { askedSlices, goToAsked, nextAsked } from './askedSlices'
import * as edits from './edits'
import { goInto, openList } from './focus'
import { DEFAULT_LOOK, FIRST_BOUNDS } from './SegmentPanel'
import { goToSegment } from './segmentPanelOf'

const OPACITY_STEP = 0.1
const IN_REGION = '[data-testid=region][data-selected]'

/** Empty where no region is selected. */
export function onRegion({ session, snapshot, regions }: Room): Commands {
  const region = regions.selected === null ? undefined : edits.findRegion(snapshot.content, regions.selected)
  if (!region) return {}
  const { id, is_hidden, is_locked } = region
  return {
    region_hide: () => void session.edit('region_hide', edits.hideRegion(id, !is_hidden)),
    region_lock: () => void session.edit('region_lock', edits.lockRegion(id, !is_locked)),
    region_rename: () => void goInto(`${IN_REGION} [data-action=region_rename]`),
    region_relabel: () => openList(`${IN_REGION} [data-action=region_relabel]`),
  }
}

/** The label of what is drawn next. */
export function onLabel({ regions, labels }: Room): Commands {
  if (labels.length < 2) return {}
  const step = (by: number) => () => {
    const index = labels.findIndex(({ key }) => key === regions.label)
    const next = labels[(index + by + labels.length) % labels.length]
    if (next) regions.setLabel(next.key)
  }
  return { label_previous: step(-1), label_next: step(1) }
}

/** Empty where there is nothing to paint with. */
export function onSegment({ workstation, masks, segments, snapshot }: Room): Commands {
  const { selected, looks, editor, reach } = masks
  if (!workstation || selected === null || segments.length === 0) return {}
  const look = { ...DEFAULT_LOOK, ...looks[selected] }
  const fade = (by: number) => () => {
    const opacity = Math.min(Math.max(Math.round((look.opacity + by) * 100) / 100, 0), 1)
    masks.setLook(selected, { ...look, opacity })
  }
  const mayChange = snapshot.phase === 'reading' && !masks.isBusy
  return {
    segment_goto: () => goToSegment(masks, selected, segments, workstation),
    segment_hide: () => masks.setLook(selected, { ...look, isHidden: !look.isHidden }),
    segment_lock: () => masks.setLook(selected, { ...look, isLocked: !look.isLocked }),
    segment_fainter: fade(-OPACITY_STEP),
    segment_stronger: fade(OPACITY_STEP),
    outline_only: () => masks.setOutlineOnly(!masks.isOutlineOnly),
    operation_reach: () => masks.setReach(reach === 'series' ? 'shown' : 'series'),
    ...(mayChange && Object.fromEntries(MASK_OPERATIONS.map((name) => [`operation_${name}`, () => void editor.current?.apply(name, reach)]))),
  }
}

/** From one slice that is asked to be drawn to the next; empty where none is. */
export function toAsked({ workstation, snapshot: { reading, content } }: Room): Commands {
  if (!workstation || !reading || reading.annotation.asked.length === 0) return {}
  const step = (by: 1 | -1) => () => {
    const { active, panes } = workstation.state
    const next = nextAsked(askedSlices(reading, content), panes[active]?.place ?? null, by)
    if (next) void goToAsked(next, reading, workstation)
  }
  return { asked_previous: step(-1), asked_next: step(1) }
}

/** Shape and bounds are the threshold brush's alone. */
export function onThreshold({ workstation, masks, segments }: Room): Commands {
  if (workstation?.state.tool !== 'threshold' || segments.length === 0) return {}
  const { brush, setBrush } = masks
  return {
    brush_shape: () => setBrush({ ...brush, shape: brush.shape === 'sphere' ? 'circle' : 'sphere' }),
    threshold: () => setBrush({ ...brush, threshold: brush.threshold === null ? FIRST_BOUNDS : null }),
    ...(brush.threshold !== null && { threshold_bounds: () => void goInto('[data-action=threshold_bounds]') }),
  }
}
