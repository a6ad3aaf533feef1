/** Lays a map over the images below what is drawn on them: over the frames of stacks, and over the planes of
 * its series' volume, wherever these are moved, turned or flipped. Nothing of it belongs to the read. */
import * as core from '@cornerstonejs/core'
import type { Viewport } from '../pictures'
import type { PaneHost, PaneView } from '../types'
import { painted } from './colours'
import type { ExplanationMap } from './map'
import { sampled } from './sampling'
import { sheetOf } from './sheet'
import { canShow, spaceIn } from './viewSpace'

const DRAWN = core.Enums.Events.IMAGE_RENDERED

export class MapOverlay {
  private readonly layers = new Map<HTMLDivElement, HTMLCanvasElement>()
  private readonly listeners = new Set<() => void>()
  /** The picture before it is stretched over a pane. */
  private readonly picture = document.createElement('canvas')
  private map: ExplanationMap | null = null
  private opacity = 1
  private isSeen = false
  private readonly stopViews: () => void

  constructor(private readonly host: PaneHost) {
    this.stopViews = host.onViews(() => this.arrange())
  }

  /** Show this map, or none. */
  show(map: ExplanationMap | null, opacity: number): void {
    this.map = map
    this.opacity = opacity
    this.arrange()
  }

  /** Whether any pane shows something of the map now. */
  readonly isInView = (): boolean => this.isSeen

  /** Called when that changes. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** The panes that can be brought to show the map. */
  panes(): number[] {
    const { map } = this
    const able = this.host.views().filter((view) => {
      const viewport = viewportOf(view)
      return map !== null && viewport !== null && canShow(view, viewport, map)
    })
    return able.map(({ pane }) => pane)
  }

  destroy(): void {
    this.stopViews()
    this.listeners.clear()
    for (const element of [...this.layers.keys()]) this.remove(element)
    emptied(this.picture)
  }

  private arrange(): void {
    const views = this.map ? this.host.views() : []
    for (const element of [...this.layers.keys()]) {
      if (!views.some((view) => view.element === element)) this.remove(element)
    }
    for (const view of views) this.draw(view)
    this.look()
  }

  private readonly drawn = (event: Event): void => {
    const view = this.host.views().find(({ element }) => element === event.currentTarget)
    if (!view) return
    this.draw(view)
    this.look()
  }

  private look(): void {
    const isSeen = [...this.layers.values()].some((layer) => layer.dataset['shown'] === 'true')
    if (isSeen === this.isSeen) return
    this.isSeen = isSeen
    for (const listener of this.listeners) listener()
  }

  private draw(view: PaneView): void {
    const layer = this.layer(view.element)
    const context = cleared(layer, view.element)
    const dots = context && this.sample(view)
    layer.dataset['shown'] = String(Boolean(dots))
    if (!context || !dots) return
    context.globalAlpha = this.opacity
    context.imageSmoothingQuality = 'high'
    context.drawImage(this.picture, 0, 0, dots.columns, dots.rows, 0, 0, dots.columns * dots.step, dots.rows * dots.step)
  }

  /** Paint the picture of a pane, and say how large it is and how many pixels of the screen each dot covers. */
  private sample(view: PaneView): { columns: number; rows: number; step: number } | null {
    const viewport = viewportOf(view)
    const space = viewport && this.map && spaceIn(view, viewport, this.map)
    if (!viewport || !this.map || !space) return null
    const { step, ...sheet } = sheetOf(viewport, space)
    const values = sampled(this.map, space, sheet)
    if (!values) return null
    const { columns, rows } = sheet
    Object.assign(this.picture, { width: columns, height: rows })
    this.picture.getContext('2d')?.putImageData(new ImageData(painted(values), columns, rows), 0, 0)
    return { columns, rows, step: step * window.devicePixelRatio }
  }

  private layer(element: HTMLDivElement): HTMLCanvasElement {
    const known = this.layers.get(element)
    if (known?.isConnected) return known
    const layer = document.createElement('canvas')
    layer.dataset['testid'] = 'explanation-map'
    Object.assign(layer.style, { position: 'absolute', inset: '0', width: '100%', height: '100%', pointerEvents: 'none' })
    const image = element.querySelector('canvas')
    if (image) image.after(layer)
    else element.append(layer)
    if (!known) element.addEventListener(DRAWN, this.drawn)
    this.layers.set(element, layer)
    return layer
  }

  private remove(element: HTMLDivElement): void {
    const layer = this.layers.get(element)
    layer?.remove()
    if (layer) emptied(layer)
    this.layers.delete(element)
    element.removeEventListener(DRAWN, this.drawn)
  }
}

function viewportOf({ engineId, viewportId }: PaneView): Viewport | null {
  const found: unknown = core.getRenderingEngine(engineId)?.getViewport(viewportId)
  return (found as Viewport | undefined) ?? null
}

/** The layer as large as its pane, with nothing on it. */
function cleared(layer: HTMLCanvasElement, { clientWidth, clientHeight }: HTMLDivElement): CanvasRenderingContext2D | null {
  const width = Math.round(clientWidth * window.devicePixelRatio)
  const height = Math.round(clientHeight * window.devicePixelRatio)
  if (layer.width !== width || layer.height !== height) Object.assign(layer, { width, height })
  const context = layer.getContext('2d')
  context?.clearRect(0, 0, width, height)
  return context
}

/** What a canvas holds on the graphics card goes at once, not when the garbage is collected. */
function emptied(canvas: HTMLCanvasElement): void {
  Object.assign(canvas, { width: 0, height: 0 })
}
