/** Mouse tools of our own: they only say what the mouse did, the workstation acts. */
import * as tools from '@cornerstonejs/tools'
import type { Vector } from './geometry'

/** Bubble from the viewport's element; `detail` is one of the types below. */
export const GESTURES = {
  scroll: 'firstread:scroll', point: 'firstread:point', region: 'firstread:region',
} as const

export interface ScrollGesture {
  by: number
}

export interface PointGesture {
  point: Vector
}

/** A rectangle in canvas pixels; `isDone` once the button is up. */
export interface RegionGesture {
  from: readonly [number, number]
  to: readonly [number, number]
  isDone: boolean
}

type MouseEvent = tools.Types.EventTypes.InteractionEventType
type WheelEvent = tools.Types.EventTypes.MouseWheelEventType

const MIN_PIXELS_PER_SLICE = 2
const SLICES_PER_HEIGHT = 40

type Gesture = ScrollGesture | PointGesture | RegionGesture

function tell(element: HTMLElement, name: string, detail: Gesture): void {
  element.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }))
}

/** Wheel and drag through the slices. Cornerstone's own counts the planes of a volume backwards. */
export class ScrollTool extends tools.BaseTool {
  static override toolName = 'FirstreadScroll'
  private rest = 0

  constructor(props = {}) {
    super(props, { supportedInteractionTypes: ['Mouse', 'Touch'], configuration: {} })
  }

  mouseWheelCallback(event: WheelEvent): void {
    const { element, wheel } = event.detail
    tell(element, GESTURES.scroll, { by: wheel.direction })
  }

  mouseDragCallback(event: MouseEvent): void {
    const { element, deltaPoints } = event.detail as tools.Types.EventTypes.MouseDragEventDetail
    const perSlice = Math.max(MIN_PIXELS_PER_SLICE, element.clientHeight / SLICES_PER_HEIGHT)
    this.rest += deltaPoints.canvas[1] / perSlice
    const by = Math.trunc(this.rest)
    this.rest -= by
    if (by) tell(element, GESTURES.scroll, { by })
  }
}

/** Points at a place in the patient that the other panes then show. */
export class PointTool extends tools.BaseTool {
  static override toolName = 'FirstreadPoint'

  constructor(props = {}) {
    super(props, { supportedInteractionTypes: ['Mouse', 'Touch'], configuration: {} })
  }

  preMouseDownCallback(event: MouseEvent): boolean {
    this.point(event)
    return true
  }

  mouseDragCallback(event: MouseEvent): void {
    this.point(event)
  }

  private point(event: MouseEvent): void {
    const { element, currentPoints } = event.detail as tools.Types.EventTypes.MouseDragEventDetail
    tell(element, GESTURES.point, { point: currentPoints.world })
  }
}

/** A rectangle for the window that suits what lies in it. */
export class WindowRegionTool extends tools.BaseTool {
  static override toolName = 'FirstreadWindowRegion'
  /** The button that goes up may be another one. */
  private isDragging = false

  constructor(props = {}) {
    super(props, { supportedInteractionTypes: ['Mouse', 'Touch'], configuration: {} })
  }

  mouseDragCallback(event: MouseEvent): void {
    this.isDragging = true
    this.region(event, false)
  }

  mouseUpCallback(event: MouseEvent): void {
    if (this.isDragging) this.region(event, true)
    this.isDragging = false
  }

  /** What Cornerstone calls the end of a quick drag. */
  mouseClickCallback(event: MouseEvent): void {
    this.mouseUpCallback(event)
  }

  private region(event: MouseEvent, isDone: boolean): void {
    const { element, startPoints, currentPoints } =
      event.detail as tools.Types.EventTypes.MouseDragEventDetail
    const region = { from: startPoints.canvas, to: currentPoints.canvas, isDone }
    tell(element, GESTURES.region, region)
  }
}
