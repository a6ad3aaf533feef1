/** Lays a map over the images of stacks, below what is drawn on them, wherever they are moved, turned or
 * flipped. Nothing of it belongs to the read. Planes through volumes show none. */
import * as core from '@cornerstonejs/core'
import { frameOf, placeKey, placeOf } from '../regions/frames'
import { toWorld, type ImagePlane, type Point2 } from '../regions/geometry'
import type { PaneHost, PaneView } from '../types'
import { painted } from './colours'
import { sliceOf, type ExplanationMap } from './map'

const DRAWN = core.Enums.Events.IMAGE_RENDERED
const FIRST_EDGE = -0.5 // of the first pixel, whose centre is 0

export class MapOverlay {
  private readonly layers = new Map<HTMLDivElement, HTMLCanvasElement>()
  private readonly pictures = new Map<string, HTMLCanvasElement>()
  private map: ExplanationMap | null = null
  private opacity = 1
  private readonly stopViews: () => void

  constructor(private readonly host: PaneHost) {
    this.stopViews = host.onViews(() => this.arrange())
  }

  /** Show this map, or none. */
  show(map: ExplanationMap | null, opacity: number): void {
    if (map !== this.map) this.pictures.clear()
    this.map = map
    this.opacity = opacity
    this.arrange()
  }

  destroy(): void {
    this.stopViews()
    for (const element of [...this.layers.keys()]) this.remove(element)
  }

  private arrange(): void {
    const stacks = this.map ? this.host.views().filter((view) => view.volumeId === null) : []
    for (const element of [...this.layers.keys()]) {
      if (!stacks.some((view) => view.element === element)) this.remove(element)
    }
    for (const view of stacks) this.draw(view)
  }

  private readonly drawn = (event: Event): void => {
    const view = this.host.views().find(({ element, volumeId }) => element === event.currentTarget && volumeId === null)
    if (view) this.draw(view)
  }

  private draw(view: PaneView): void {
    const found: unknown = core.getRenderingEngine(view.engineId)?.getViewport(view.viewportId)
    const viewport = found as core.Types.IStackViewport | undefined
    const layer = this.layer(view.element)
    const context = layer.getContext('2d')
    const imageId = viewport?.getCurrentImageId()
    const place = imageId === undefined ? null : placeOf(imageId)
    layer.dataset['shown'] = 'false'
    if (!viewport || !context || imageId === undefined || !place || !this.map) return
    const dense = window.devicePixelRatio
    layer.width = Math.round(view.element.clientWidth * dense)
    layer.height = Math.round(view.element.clientHeight * dense)
    const picture = this.picture(placeKey(place))
    const frame = frameOf(imageId)
    const [columns, rows] = viewport.getImageData().dimensions
    if (!picture || !frame) return
    const [left, top, right, bottom] = this.map.box
    context.setTransform(...fromPixels(viewport, frame.plane, dense))
    context.beginPath()
    context.rect(FIRST_EDGE, FIRST_EDGE, columns, rows) // what was padded around the image is not there
    context.clip()
    context.globalAlpha = this.opacity
    context.imageSmoothingQuality = 'high'
    context.drawImage(picture, left, top, right - left, bottom - top)
    layer.dataset['shown'] = 'true'
  }

  /** A slice of the map in its colours, painted once. */
  private picture(key: string): HTMLCanvasElement | null {
    const known = this.pictures.get(key)
    if (known || !this.map) return known ?? null
    const values = sliceOf(this.map, key)
    if (!values) return null
    const { rows, columns } = this.map
    const picture = document.createElement('canvas')
    picture.width = columns
    picture.height = rows
    picture.getContext('2d')?.putImageData(new ImageData(painted(values), columns, rows), 0, 0)
    this.pictures.set(key, picture)
    return picture
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
    this.layers.get(element)?.remove()
    this.layers.delete(element)
    element.removeEventListener(DRAWN, this.drawn)
  }
}

type Matrix = [number, number, number, number, number, number]

/** From pixels of the frame to dots of the canvas: three points tell all of zoom, turn and flip. */
function fromPixels(viewport: core.Types.IViewport, plane: ImagePlane, dense: number): Matrix {
  const dot = (pixel: Point2): Point2 => {
    const [x, y] = viewport.worldToCanvas([...toWorld(plane, pixel)])
    return [x * dense, y * dense]
  }
  const [origin, across, down] = [dot([0, 0]), dot([1, 0]), dot([0, 1])]
  return [
    across[0] - origin[0], across[1] - origin[1], down[0] - origin[0], down[1] - origin[1], origin[0], origin[1],
  ]
}
