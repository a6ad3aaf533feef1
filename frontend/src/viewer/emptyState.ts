/** The workstation before anything is shown. */
import type { PaneState, WorkstationState } from './types'

export const EMPTY_PANE: PaneState = {
  status: 'empty', trouble: null, study: null, series: null, as: 'stack', slice: 0, slices: 0,
  loaded: 0, frames: 0, center: 0, width: 0, zoom: 1, scale: null, isInverted: false, isPlaying: false,
  preset: '', edges: null, notice: null, spacing: 'none', place: null, slab: null, frameRate: null,
}

export const EMPTY_STATE: WorkstationState = {
  layout: '1x1', active: 0, maximised: null, panes: [EMPTY_PANE], tool: 'window',
  links: { scroll: false, window: false, zoom: false }, hasReferenceLines: false,
}
