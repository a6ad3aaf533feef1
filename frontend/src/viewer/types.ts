/** The words that the viewer shares with the page around it: no Cornerstone3D, no React. */
import type { ViewerSeries, ViewerStudy } from './dicomweb'
import type { EdgeLetters } from './geometry'
import type { Trouble, VolumeNotice } from './messages'

export const REGION_KINDS = [
  'point', 'length', 'bidirectional', 'angle', 'arrow', 'box', 'ellipse', 'polygon', 'freehand',
] as const
export type RegionKind = (typeof REGION_KINDS)[number]

export const MASK_TOOLS = [
  'brush', 'eraser', 'sphere', 'sphere_eraser', 'threshold', 'rectangle_scissors',
  'circle_scissors', 'rectangle_cut', 'circle_cut', 'fill',
] as const
export type MaskTool = (typeof MASK_TOOLS)[number]

/** What can be done to the segment in hand as a whole. */
export const MASK_OPERATIONS = [
  'interpolate', 'fill_holes', 'remove_islands', 'smooth', 'grow', 'shrink', 'clear_slice',
] as const
export type MaskOperation = (typeof MASK_OPERATIONS)[number]
/** Where an operation acts: on what the active pane shows, or on the whole series. */
export type MaskReach = 'shown' | 'series'

export const VIEW_TOOLS = [
  'window', 'window_region', 'pan', 'zoom', 'scroll', 'magnify', 'crosshairs',
] as const
export type ViewTool = (typeof VIEW_TOOLS)[number]

/** What the left mouse button does. */
export type ToolName = ViewTool | RegionKind | MaskTool

/** Whether a tool only looks: all others draw or paint. */
export function isViewTool(tool: ToolName): tool is ViewTool {
  return (VIEW_TOOLS as readonly ToolName[]).includes(tool)
}

/** How a pane shows a series: image by image, or a plane through its volume. */
export type Presentation = 'stack' | 'axial' | 'sagittal' | 'coronal'

export const LAYOUTS = ['1x1', '1x2', '1x3', '2x1', '2x2', '2x3', '3x1', '3x2', '3x3'] as const
/** Rows x columns. */
export type Layout = (typeof LAYOUTS)[number]

/** Where millimetres come from: a calibration, the patient's geometry, the detector, or nowhere. */
export type SpacingSource = 'calibrated' | 'patient' | 'detector' | 'none'

export type SlabMode = 'mip' | 'minip' | 'average'

export interface Slab {
  /** All of it; null reaches through the whole volume. */
  mm: number | null
  mode: SlabMode
}

/** One frame of one instance; frames count from 1. */
export interface Place {
  sop_instance_uid: string
  frame: number
}

/** A pixel of a frame, to point at. */
export interface PinnedPlace extends Place {
  pixel: readonly [number, number]
}

/** A finding that was drawn on one frame (the contract: docs/reference/annotation-content.md). */
export interface Region extends Place {
  id: string
  kind: RegionKind
  label: string
  name: string
  answers: Record<string, unknown>
  /** Image coordinates: x = column, y = row, (0, 0) = centre of the first pixel. */
  pixels: readonly (readonly [number, number])[]
  /** The same in LPS mm; null where the image has no place in the patient. */
  points: readonly (readonly [number, number, number])[] | null
  is_hidden: boolean
  is_locked: boolean
}

/** A region as it is drawn; what a model suggests is nobody's yet. */
export interface DrawnRegion extends Region {
  isSuggested?: true
}

/** What was painted on one series in one layer: a compressed label map per slice, by its hash. */
export interface MaskLayer {
  layer: number
  series_instance_uid: string
  rows: number
  columns: number
  /** "<sop_instance_uid>:<frame>" to SHA-256; only slices that hold a label. */
  slices: Readonly<Record<string, string>>
}

/** What a pane shows now; a new object at every change. */
export interface PaneState {
  status: 'empty' | 'loading' | 'shown' | 'failed'
  /** Of a pane that failed. */
  trouble: Trouble | null
  study: ViewerStudy | null
  series: ViewerSeries | null
  as: Presentation
  /** From 1. */
  slice: number
  slices: number
  /** How many of the series' frames are in the cache, of how many. */
  loaded: number
  frames: number
  center: number
  width: number
  /** 1 where the whole image fits its pane. */
  zoom: number
  /** Pixels of the screen for one of the image; null as long as none is shown. */
  scale: number | null
  /** Whether black and white are exchanged against what the image itself says. */
  isInverted: boolean
  isPlaying: boolean
  /** The preset in force, empty where the window was set by hand or by the image. */
  preset: string
  edges: EdgeLetters | null
  /** Why the series stays a stack; null where it need not. */
  notice: VolumeNotice | null
  spacing: SpacingSource
  /** The frame under the eye; null in a plane through a volume that lies between frames. */
  place: Place | null
  slab: Slab | null
  /** Images a second, by the header; null where it does not say. */
  frameRate: number | null
}

export interface Links {
  scroll: boolean
  window: boolean
  zoom: boolean
}

export interface WorkstationState {
  layout: Layout
  active: number
  /** The pane that covers the others for now. */
  maximised: number | null
  panes: readonly PaneState[]
  tool: ToolName
  links: Links
  hasReferenceLines: boolean
}

/** A Cornerstone viewport as the layers of regions and masks see it. */
export interface PaneView {
  pane: number
  viewportId: string
  engineId: string
  element: HTMLDivElement
  study: ViewerStudy
  /** Of an earlier study: looked at, never drawn on. */
  isPrior: boolean
  /** The image that it names is not on the screen: it is on its way, or failed. */
  isUnseen: boolean
  series: ViewerSeries
  as: Presentation
  /** One per frame, in slice order; frames of the volume where a plane is shown. */
  imageIds: readonly string[]
  /** The volume that a plane cuts; null for a stack. */
  volumeId: string | null
  /** How thick the plane is; null where it is as thin as can be. */
  slab: Slab | null
}

/** What the layers of regions and masks need of the workstation. */
export interface PaneHost {
  /** The number of the pane that keys and buttons act on, and what the left mouse button does. */
  readonly state: { readonly active: number; readonly tool: ToolName }
  views(): readonly PaneView[]
  /** Called after a pane began or ceased to show a series. */
  onViews(listener: () => void): () => void
}
