/** What every action does now: the one place where keys and buttons meet the viewer and the content. */
import { LAYOUTS, MASK_TOOLS, REGION_KINDS, type Layout, type PaneState, type ToolName } from '../viewer/types'
import type { Workstation } from '../viewer/Workstation'
import { PRESET_COUNT, TOOLS, type ActionId, type Commands } from './actions'
import { closing } from './afterMasks'
import { caseOf, missingIn } from './amiss'
import { hasNormal } from './choosing'
import { kindsOf, type RegionLabel, type Segment } from './definition'
import * as edits from './edits'
import { onLabel, onRegion, onSegment, onThreshold, toAsked } from './handCommands'
import { cineRates, slabs, studies } from './imageCommands'
import { goThere, goToRegion } from './goThere'
import type { ReadingSession, Snapshot } from './ReadingSession'
import type { RoomLayout } from './roomLayout'
import type { Masks } from './useMasks'
import type { Regions } from './useRegions'
import { DEFAULT_LOOK, MAX_RADIUS_MM, MIN_RADIUS_MM } from './SegmentPanel'

const PAGE = 10
const ZOOM = 1.2
const QUARTER = 90
const BRUSH_STEP = 1.25

export interface Room {
  session: ReadingSession
  snapshot: Snapshot
  workstation: Workstation | null
  layout: RoomLayout
  regions: Regions
  masks: Masks
  labels: readonly RegionLabel[]
  segments: readonly Segment[]
  cineRate: number
  onCineRate: (framesPerSecond: number) => void
}

export function commandsOf(room: Room): Commands {
  return {
    ...reading(room), ...furniture(room), ...viewing(room), ...drawing(room), ...onRegion(room), ...onLabel(room), ...painting(room),
    ...onSegment(room), ...onThreshold(room), ...toAsked(room),
  }
}

function reading(room: Room): Commands {
  const { session, snapshot, masks } = room
  return {
    submit: () => void handIn(room),
    ...(snapshot.lastSubmitted !== null && { undo_submission: () => void closing(session, masks.after).undo() }),
    ...((snapshot.undoName !== null || snapshot.save.kind === 'unkept') && { undo: () => void session.undoEdit() }),
    ...(snapshot.redoName !== null && { redo: () => void session.redoEdit() }),
    ...(hasNormal(session.questions()) && { normal: () => void session.answerNormal() }),
  }
}

/** What a submission stumbles over comes before the reader's eyes. */
async function handIn({ session, workstation, regions, masks }: Room): Promise<void> {
  await masks.after(() => session.submit())
  const { missing, missingAt } = session.snapshot
  const of = caseOf(session.snapshot)
  if (!of || !workstation || missing === null || missingAt === null) return
  const { target } = missingIn(missingAt, missing, of)
  if (target) await goThere(target, of.study, workstation, regions.select)
}

function furniture({ layout }: Room): Commands {
  const { isStripOpen, isPanelOpen } = layout.sizes
  return {
    strip_toggle: () => layout.change({ isStripOpen: !isStripOpen }),
    panel_toggle: () => layout.change({ isPanelOpen: !isPanelOpen }),
  }
}

function viewing({ workstation: viewer, cineRate, onCineRate, snapshot }: Room): Commands {
  if (!viewer) return {}
  const { state } = viewer
  const pane = state.panes[state.active]
  const { reading } = snapshot
  const between = {
    ...panesBetween(viewer), ...slabs(viewer), ...(reading && studies(viewer, reading.study, reading.priors)),
    ...(state.panes.some(({ status }) => status === 'failed') && { images_again: () => viewer.retry() }),
    ...(pane?.slices && slices(viewer, pane)),
  }
  if (pane?.status !== 'shown') return between
  const { links } = state
  return {
    ...between,
    ...tools(viewer),
    ...presets(viewer),
    zoom_in: () => viewer.zoom(ZOOM),
    zoom_out: () => viewer.zoom(1 / ZOOM),
    fit: () => viewer.fit(),
    reset: () => viewer.reset(),
    invert: () => viewer.invert(),
    rotate_left: () => viewer.rotate(-QUARTER),
    rotate_right: () => viewer.rotate(QUARTER),
    flip_horizontal: () => viewer.flip('h'),
    flip_vertical: () => viewer.flip('v'),
    ...(pane.slices > 1 && { cine: () => viewer.cine(pane.isPlaying ? null : cineRate), ...cineRates({ cineRate, onCineRate }) }),
    ...planes(viewer, pane),
    reference_lines: () => viewer.setReferenceLines(!state.hasReferenceLines),
    link_scroll: () => viewer.setLinks({ ...links, scroll: !links.scroll }),
    link_window: () => viewer.setLinks({ ...links, window: !links.window }),
    link_zoom: () => viewer.setLinks({ ...links, zoom: !links.zoom }),
  }
}

/** Also from an image that failed. */
function slices(viewer: Workstation, pane: PaneState): Commands {
  return {
    slice_previous: () => viewer.scroll(-1),
    slice_next: () => viewer.scroll(1),
    page_previous: () => viewer.scroll(-PAGE),
    page_next: () => viewer.scroll(PAGE),
    slice_first: () => void viewer.goTo(1),
    slice_last: () => void viewer.goTo(pane.slices),
  }
}

/** And back from them. */
function planes(viewer: Workstation, { series, notice }: PaneState): Commands {
  return series && notice === null && !series.not_a_volume ? { planes: () => void viewer.togglePlanes() } : {}
}

/** Tools for viewing are always there; what draws comes with what there is to draw. */
function tools(viewer: Workstation): Commands {
  const viewTools = TOOLS.filter((tool) => !isDrawing(tool))
  return Object.fromEntries(viewTools.map((tool) => [`tool_${tool}`, () => viewer.setTool(tool)]))
}

function isDrawing(tool: ToolName): boolean {
  return [...REGION_KINDS, ...MASK_TOOLS].some((one) => one === tool)
}

function presets(viewer: Workstation): Commands {
  const known = viewer.presets().slice(0, PRESET_COUNT)
  return Object.fromEntries(known.map(({ name }, index) => [`preset_${index + 1}`, () => viewer.window(name)]))
}

function panesBetween(viewer: Workstation): Commands {
  const { panes } = viewer.state
  // As the panes are when the key is pressed: the page follows a moment later.
  const toPane = (by: number) => () => {
    const { active, panes: now } = viewer.state
    viewer.activate((active + by + now.length) % now.length)
  }
  const layouts = LAYOUTS.map((layout: Layout) => [`layout_${layout}` as ActionId, () => viewer.setLayout(layout)])
  return {
    ...Object.fromEntries(layouts) as Commands,
    ...(panes.length > 1 && { pane_previous: toPane(-1), pane_next: toPane(1), pane_maximise: () => viewer.toggleMaximised() }),
    ...toSeries(viewer),
  }
}

function toSeries(viewer: Workstation): Commands {
  const { active, panes } = viewer.state
  const { study, series } = panes[active] ?? {}
  if (!study || !series || study.series.length < 2) return {}
  const index = study.series.indexOf(series)
  const to = (by: number) => () => {
    const next = study.series[(index + by + study.series.length) % study.series.length]
    if (next) void viewer.show(active, { study, series: next, as: 'stack' })
  }
  return { series_previous: to(-1), series_next: to(1) }
}

/** What is being drawn or painted by whatever hand is given up; whether something was. */
export function giveUp({ regions, masks }: Pick<Room, 'regions' | 'masks'>): boolean {
  const wasDrawn = regions.cancel()
  return masks.giveUp() || wasDrawn
}

function drawing({ session, snapshot, workstation: viewer, regions, masks, labels }: Room): Commands {
  const drawn = snapshot.content.regions ?? []
  const { selected } = regions
  const kinds = viewer ? kindsOf(labels, regions.label) : []
  const step = (by: number) => () => {
    const index = drawn.findIndex(({ id }) => id === selected)
    const next = drawn[index < 0 ? (by > 0 ? 0 : drawn.length - 1) : (index + by + drawn.length) % drawn.length]
    if (!next) return
    regions.select(next.id)
    goToRegion(next, viewer)
  }
  const areHidden = drawn.every(({ is_hidden }) => is_hidden)
  return {
    ...Object.fromEntries(kinds.map((kind) => [`tool_${kind}`, () => viewer?.setTool(kind)])),
    cancel: () => {
      giveUp({ regions, masks })
      regions.select(null)
    },
    ...(drawn.length > 0 && {
      region_previous: step(-1),
      region_next: step(1),
      regions_hide: () => void session.edit('region_hide', edits.hideAllRegions(!areHidden)),
    }),
    ...(selected !== null && {
      region_delete: () => {
        if (session.edit('region_delete', edits.deleteRegion(selected))) regions.select(null)
      },
    }),
  }
}

function painting({ workstation: viewer, masks, segments }: Room): Commands {
  if (!viewer || segments.length === 0) return {}
  const { brush, selected, looks } = masks
  const resize = (factor: number) => () => {
    const radius_mm = Math.min(Math.max(brush.radius_mm * factor, MIN_RADIUS_MM), MAX_RADIUS_MM)
    masks.setBrush({ ...brush, radius_mm })
  }
  const step = (by: number) => () => {
    const index = segments.findIndex(({ value }) => value === selected)
    const next = segments[(index + by + segments.length) % segments.length]
    if (next) masks.select(next.value)
  }
  const areHidden = segments.every(({ value }) => looks[value]?.isHidden ?? false)
  return {
    ...Object.fromEntries(MASK_TOOLS.map((tool) => [`tool_${tool}`, () => viewer.setTool(tool)])),
    brush_smaller: resize(1 / BRUSH_STEP),
    brush_larger: resize(BRUSH_STEP),
    segment_previous: step(-1),
    segment_next: step(1),
    masks_hide: () => segments.forEach(({ value }) => masks.setLook(value, { ...DEFAULT_LOOK, ...looks[value], isHidden: !areHidden })),
  }
}
