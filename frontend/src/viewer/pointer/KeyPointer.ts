/** A pointer that keys move and press, in the active pane: every tool draws with it as with a mouse. It stays at its
 * place in the image, however that is turned, enlarged or paged through, and goes when its pane shows something else. */
import * as core from '@cornerstonejs/core'
import type { Vector } from '../geometry'
import { bringIntoView } from '../intoView'
import { PaneDrawings, viewportOf } from '../PaneDrawings'
import type { Viewport } from '../pictures'
import type { Tooled } from '../guard'
import { gridOf } from '../samples'
import { isViewTool, type PaneView, type ToolName } from '../types'
import { KeyMouse } from './KeyMouse'
import { pointerMark } from './mark'
import { cornerToPress } from './outline'
import { snapped, stepped, type Direction, type Lattice, type Point2 } from './places'

export interface PointerHost extends Tooled {
  subscribe(listener: () => void): () => void
}

/** What the pointer did, or that it is gone; for whoever does not see it. */
export type PointerDeed = 'shown' | 'moved' | 'dragged' | 'pressed' | 'released' | 'clicked' | 'given_up' | 'gone'

/** The pixel of the image that it is at (column and row, from 0); in planes the point of the patient, LPS mm. */
export type PointedPlace = { pixel: Point2 } | { point: Vector }

export interface PointerCallbacks {
  onDone(deed: PointerDeed, place: PointedPlace | null): void
  /** Give up what is being drawn or painted, also what a hand holds; whether there was anything. */
  giveUp(): boolean
}

interface Shown {
  view: PaneView
  viewport: Viewport
  mouse: KeyMouse
  /** On the plane that is shown. */
  point: Vector
  /** The tool that is pressed down. */
  held: ToolName | null
}

/** Before `mousedown`, with which others begin a stroke of the hand: what the key holds is let go first. */
const PRESSED = 'pointerdown'
const RENDERED = core.Enums.Events.IMAGE_RENDERED
/** What these do, they do where the button goes down; all others are drawn from one place to another. */
const CLICKED: ReadonlySet<ToolName> = new Set(['point', 'angle', 'polygon', 'fill', 'crosshairs'])

export class KeyPointer {
  private readonly drawings: PaneDrawings
  private shown: Shown | null = null
  /** Where a hand was last, by mouse or by key; a place on the page. */
  private hand: Point2 | null = null
  private readonly stops: (() => void)[]

  constructor(private readonly host: PointerHost, private readonly callbacks: PointerCallbacks) {
    this.drawings = new PaneDrawings(host, RENDERED, 'key-pointer', () => this.marks())
    window.addEventListener('mousemove', this.mouseMoved, true)
    window.addEventListener(PRESSED, this.handCame, true)
    this.stops = [host.onViews(() => this.look()), host.subscribe(() => this.look())]
  }

  get isShown(): boolean {
    return this.shown !== null
  }

  get isHeld(): boolean {
    return this.shown?.held != null
  }

  /** Where the hand was last in the active pane, else in its middle. */
  show(): void {
    const view = this.host.views().find(({ pane }) => pane === this.host.state.active)
    const viewport = view && viewportOf(view)
    const lattice = viewport && latticeOf(viewport)
    if (!view || !lattice) return
    const { width, height } = view.element.getBoundingClientRect()
    const at = this.handIn(view.element) ?? [width / 2, height / 2]
    const point = snapped(viewport.canvasToWorld([...at]), lattice)
    this.shown = { view, viewport, mouse: new KeyMouse(view.element), point, held: null }
    view.element.parentElement?.focus({ preventScroll: true }) // else Enter is a button's that was pressed before
    this.go(point, 'shown')
  }

  /** What is held is let go, and kept. */
  hide(): void {
    if (!this.shown) return
    this.letGo()
    const { view, viewport, point } = this.shown
    const { left, top } = view.element.getBoundingClientRect()
    const [x, y] = viewport.worldToCanvas([...point])
    this.hand = [left + x, top + y]
    this.shown = null
    this.drawings.show([])
    this.callbacks.onDone('gone', null)
  }

  /** So many pixels of the image; as far as the pane goes while a tool is held that moves the image itself. */
  move(direction: Direction, count: number): void {
    const { shown } = this
    const lattice = shown && latticeOf(shown.viewport)
    if (!lattice) return
    const { viewport, held } = shown
    const toCanvas = (point: Vector) => viewport.worldToCanvas([...point])
    const wanted = stepped(shown.point, direction, count, lattice, toCanvas)
    const isBound = held !== null && isViewTool(held)
    if (!isBound || isWithin(viewport.element, toCanvas(wanted))) this.go(wanted, held === null ? 'moved' : 'dragged')
  }

  /** A click, or the beginning or the end of a stroke. */
  press(): void {
    const { shown } = this
    if (!shown) return
    if (shown.held !== null) {
      this.letGo()
      return
    }
    const at = shown.viewport.worldToCanvas([...shown.point])
    const { tool } = this.host.state
    shown.mouse.move(at) // what follows a mouse is where it is
    const pressedAt = tool === 'polygon' ? cornerToPress(shown.viewport, at) : at
    const isTaken = shown.mouse.press(pressedAt)
    if (isTaken && !CLICKED.has(tool)) shown.held = tool
    else shown.mouse.release(pressedAt)
    this.done(shown.held === null ? 'clicked' : 'pressed')
  }

  letGo(): void {
    if (!this.shown?.held) return
    this.release(this.shown)
    this.done('released')
  }

  /** What is held or drawn is given up; where nothing is, the pointer goes. */
  escape(): void {
    if (this.shown && !this.giveUp()) this.hide()
  }

  /** Whether there was anything. */
  giveUp(): boolean {
    const { shown } = this
    const isHeld = this.isHeld
    const wasDrawing = this.callbacks.giveUp()
    if (shown && isHeld) this.release(shown)
    if (isHeld || wasDrawing) this.done('given_up')
    return isHeld || wasDrawing
  }

  destroy(): void {
    this.hide()
    this.stops.forEach((stop) => stop())
    window.removeEventListener('mousemove', this.mouseMoved, true)
    window.removeEventListener(PRESSED, this.handCame, true)
    this.drawings.destroy()
  }

  private go(point: Vector, deed: PointerDeed): void {
    const { shown } = this
    if (!shown) return
    const { viewport, mouse, held } = shown
    bringIntoView(viewport, [...point])
    const at = viewport.worldToCanvas([...point])
    if (held === null) mouse.move(at)
    else mouse.drag(at)
    // The tool may have moved the image under it.
    shown.point = viewport.canvasToWorld(at)
    this.done(deed)
  }

  private release(shown: Shown): void {
    shown.mouse.release(shown.viewport.worldToCanvas([...shown.point]))
    shown.held = null
  }

  private done(deed: PointerDeed): void {
    const { shown } = this
    if (!shown) return
    this.drawings.show([shown.view])
    this.callbacks.onDone(deed, placeOf(shown))
  }

  private marks(): SVGElement[] {
    const { shown } = this
    if (!shown) return []
    const { viewport } = shown
    // After every picture: another slice, or another part of it, may be shown.
    shown.point = viewport.canvasToWorld(viewport.worldToCanvas([...shown.point]))
    bringIntoView(viewport, [...shown.point])
    return [pointerMark(viewport.worldToCanvas([...shown.point]), shown.held !== null)]
  }

  /** Whether what it points at is still there, and in whose hand. */
  private look(): void {
    const { shown } = this
    if (!shown) return
    const { active, tool } = this.host.state
    const { pane, series, as } = shown.view
    const isThere = this.host.views().some((view) => view.pane === pane && view.series === series && view.as === as)
    if (shown.held !== null && (!isThere || shown.held !== tool)) this.giveUp()
    if (!isThere || active !== pane) this.hide()
  }

  private readonly mouseMoved = (event: MouseEvent): void => {
    if (!event.isTrusted) return
    if (this.isHeld) event.stopImmediatePropagation() // a nudge of the mouse draws nothing
    else this.hand = [event.clientX, event.clientY]
  }

  /** A hand that presses goes on by itself. */
  private readonly handCame = (event: Event): void => {
    const { shown } = this
    if (!shown || !event.isTrusted) return
    const isOnImages = this.host.views().some(({ element }) => event.target instanceof Node && element.contains(event.target))
    if (isOnImages) this.hide()
    else this.letGo()
  }

  private handIn(element: HTMLElement): Point2 | null {
    const { left, top } = element.getBoundingClientRect()
    const at: Point2 | null = this.hand && [this.hand[0] - left, this.hand[1] - top]
    return at && isWithin(element, at) ? at : null
  }
}

function latticeOf(viewport: Viewport): Lattice | null {
  const grid = gridOf(viewport)
  if (!grid) return null
  const { imageData, dimensions } = grid
  return {
    dimensions,
    toIndex: (point) => imageData.worldToIndex(point) as unknown as Vector,
    toPoint: (index) => imageData.indexToWorld(index) as unknown as Vector,
  }
}

function placeOf({ view, viewport, point }: Shown): PointedPlace | null {
  if (view.volumeId !== null) return { point }
  const [x, y] = latticeOf(viewport)?.toIndex(point) ?? [0, 0]
  return { pixel: [Math.round(x), Math.round(y)] }
}

function isWithin({ clientWidth, clientHeight }: HTMLElement, [x, y]: Point2): boolean {
  return x >= 0 && y >= 0 && x <= clientWidth && y <= clientHeight
}
