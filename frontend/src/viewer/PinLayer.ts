/** Numbered pins where somebody remarked on something, on the images that hold them, and the click that sets one. */
import * as core from '@cornerstonejs/core'
import { drawn, PaneDrawings, viewportOf } from './PaneDrawings'
import type { Viewport } from './pictures'
import { frameOf, framesOf, imagesOf } from './regions/frames'
import { dot, nearest, normalOf, subtract, toPixel, toWorld, type Point3 } from './regions/geometry'
import type { PaneHost, PaneView, PinnedPlace } from './types'

export interface Pin extends PinnedPlace {
  /** What stands in it. */
  text: string
}

const DRAWN = core.Enums.Events.IMAGE_RENDERED
const PRESSED = ['mousedown', 'touchstart'] as const
const COLOUR = '#ffd43b'

export class PinLayer {
  private readonly drawings: PaneDrawings
  private pins: readonly Pin[] = []
  /** The image that each of them is on, of those that panes show. */
  private images: ReadonlyMap<Pin, string> = new Map()
  private picked: ((place: PinnedPlace | null) => void) | null = null
  private readonly stopViews: () => void

  constructor(private readonly host: PaneHost) {
    this.drawings = new PaneDrawings(host, DRAWN, 'pins', (view, viewport) => this.marksIn(view, viewport))
    this.stopViews = host.onViews(() => this.arrange())
  }

  draw(pins: readonly Pin[]): void {
    this.pins = pins
    this.arrange()
  }

  /** Where the next click on an image of the study lies; null where it is given up. Nothing else hears of that click. */
  pick(): Promise<PinnedPlace | null> {
    this.settle(null)
    for (const name of PRESSED) window.addEventListener(name, this.pressed, { capture: true, passive: false })
    window.addEventListener('keydown', this.escaped, true)
    return new Promise((resolve) => {
      this.picked = resolve
    })
  }

  giveUp(): void {
    this.settle(null)
  }

  destroy(): void {
    this.giveUp()
    this.stopViews()
    this.drawings.destroy()
  }

  private settle(place: PinnedPlace | null): void {
    for (const name of PRESSED) window.removeEventListener(name, this.pressed, true)
    window.removeEventListener('keydown', this.escaped, true)
    this.picked?.(place)
    this.picked = null
  }

  private readonly pressed = (event: Event): void => {
    const view = this.host.views().find(({ element }) => event.target instanceof Node && element.contains(event.target))
    const at = 'touches' in event ? (event as TouchEvent).touches[0] : (event as MouseEvent)
    if (!view || view.isPrior || !at) return
    event.preventDefault()
    event.stopPropagation()
    const { left, top } = view.element.getBoundingClientRect()
    const place = placeUnder(view, [at.clientX - left, at.clientY - top])
    if (place) this.settle(place)
  }

  private readonly escaped = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape') return
    event.preventDefault()
    this.giveUp()
  }

  private arrange(): void {
    const views = this.pins.length > 0 ? this.host.views() : []
    this.images = imagesOf(this.pins, views)
    this.drawings.show(views)
  }

  private marksIn(view: PaneView, viewport: Viewport): SVGElement[] {
    return [...this.images].flatMap(([pin, imageId]) => {
      const frame = view.imageIds.includes(imageId) ? frameOf(imageId) : null
      const point = frame && toWorld(frame.plane, pin.pixel)
      return point && isSeen(view, viewport, point, imageId) ? [mark(viewport.worldToCanvas([...point]), pin.text)] : []
    })
  }
}

/** The pixel of a frame under a point of a pane, in planes that of the nearest frame; null beside the image. */
function placeUnder(view: PaneView, [x, y]: readonly [number, number]): PinnedPlace | null {
  const viewport = viewportOf(view)
  if (!viewport) return null
  const point = viewport.canvasToWorld([x, y])
  const frame = view.volumeId === null
    ? frameOf(viewport.getCurrentImageId() ?? '')
    : nearest([...framesOf([view]).values()], point)
  if (!frame) return null
  const { rows = 0, columns = 0 } = core.metaData.get('imagePlaneModule', frame.imageId) as { rows?: number; columns?: number }
  const [column, row] = toPixel(frame.plane, point).map(Math.round) as [number, number]
  const isOnImage = column >= 0 && row >= 0 && column < columns && row < rows
  return isOnImage ? { ...frame.place, pixel: [column, row] } : null
}

/** Whether a point lies on what a pane shows: on its image, or within half a voxel of its plane. */
function isSeen(view: PaneView, viewport: Viewport, point: Point3, imageId: string): boolean {
  if (view.volumeId === null) return viewport.getCurrentImageId() === imageId
  const { focalPoint, viewPlaneNormal: normal } = viewport.getCamera()
  const [first, second] = view.imageIds.slice(0, 2).map((id) => frameOf(id)?.plane)
  if (!focalPoint || !normal || !first) return false
  const between = second ? Math.hypot(...subtract(second.position, first.position)) : 0
  const half = Math.abs(dot(normal, first.row)) * first.spacing_mm[0] + Math.abs(dot(normal, first.column)) * first.spacing_mm[1]
    + Math.abs(dot(normal, normalOf(first))) * between
  return Math.abs(dot(subtract(point, focalPoint), normal)) <= half / 2
}

/** A ring about the place, and its number beside it: what was pinned stays in sight. */
function mark([x, y]: readonly [number, number], text: string): SVGGElement {
  const group = drawn('g', { 'data-pin': text })
  const ring = drawn('circle', { cx: x, cy: y, r: '0.5rem', fill: 'none', stroke: COLOUR, 'stroke-width': '0.125rem' })
  const number = drawn('text', {
    x, y, dx: '0.65rem', dy: '-0.35rem', fill: COLOUR, 'font-size': '0.875rem', 'font-weight': 700,
    stroke: '#000', 'stroke-width': '0.2rem', 'paint-order': 'stroke', 'stroke-linejoin': 'round',
  })
  number.textContent = text
  group.append(ring, number)
  return group
}
