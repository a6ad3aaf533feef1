/** Marks in planes through a volume where they cut regions drawn on its frames; Cornerstone shows an
 * annotation only in planes along it. */
import * as core from '@cornerstonejs/core'
import type { PaneHost, PaneView, Region } from '../types'
import { crossings } from './crossings'
import { normalOf, toWorld, type Point3 } from './geometry'
import type { Frame } from './frames'

export interface Placed {
  region: Region
  frame: Frame
}

const SVG = 'http://www.w3.org/2000/svg'
const MOVED = core.Enums.Events.CAMERA_MODIFIED

export class CrossingOverlay {
  private readonly layers = new Map<HTMLDivElement, SVGSVGElement>()
  private regions: readonly Placed[] = []
  private colours: (label: string) => string = () => ''

  constructor(private readonly host: PaneHost) {}

  draw(regions: readonly Placed[], colours: (label: string) => string): void {
    this.regions = regions.filter(({ region }) => !region.is_hidden)
    this.colours = colours
    const planes = this.host.views().filter((view) => view.volumeId !== null)
    for (const element of [...this.layers.keys()]) {
      if (!planes.some((view) => view.element === element)) this.remove(element)
    }
    for (const view of planes) this.drawIn(view)
  }

  destroy(): void {
    for (const element of [...this.layers.keys()]) this.remove(element)
  }

  private drawIn(view: PaneView): void {
    const viewport = core.getRenderingEngine(view.engineId)?.getViewport(view.viewportId)
    if (!viewport) return
    const { focalPoint, viewPlaneNormal } = viewport.getCamera()
    if (!focalPoint || !viewPlaneNormal) return
    const plane = { point: focalPoint, normal: viewPlaneNormal }
    const own = this.regions.filter(({ frame }) => view.imageIds.includes(frame.imageId))
    const marks = own.flatMap(({ region, frame }) => {
      const world = region.points ?? region.pixels.map((pixel) => toWorld(frame.plane, pixel))
      const found = crossings(region.kind, world, normalOf(frame.plane), plane)
      return found.map((ends) => mark(ends.map(onCanvas(viewport)), this.colours(region.label), region.id))
    })
    this.layer(view.element).replaceChildren(...marks)
  }

  private layer(element: HTMLDivElement): SVGSVGElement {
    const known = this.layers.get(element)
    if (known) return known
    const layer = document.createElementNS(SVG, 'svg')
    layer.setAttribute('class', 'region-crossings')
    Object.assign(layer.style, {
      position: 'absolute', inset: '0', width: '100%', height: '100%', pointerEvents: 'none',
    })
    element.append(layer)
    element.addEventListener(MOVED, this.moved)
    this.layers.set(element, layer)
    return layer
  }

  private readonly moved = (event: Event): void => {
    const view = this.host.views().find((v) => v.element === event.currentTarget && v.volumeId !== null)
    if (view) this.drawIn(view)
  }

  private remove(element: HTMLDivElement): void {
    this.layers.get(element)?.remove()
    this.layers.delete(element)
    element.removeEventListener(MOVED, this.moved)
  }
}

function onCanvas(viewport: core.Types.IViewport) {
  return ([x, y, z]: Point3): readonly [number, number] => viewport.worldToCanvas([x, y, z])
}

/** A line with round ends; of no length it is a dot. */
function mark(
  [from = [0, 0], to = [0, 0]]: (readonly [number, number])[], colour: string, id: string,
): SVGLineElement {
  const line = document.createElementNS(SVG, 'line')
  const attributes = {
    x1: from[0], y1: from[1], x2: to[0], y2: to[1], stroke: colour, 'stroke-width': 3,
    'stroke-linecap': 'round', 'data-region': id,
  }
  for (const [name, value] of Object.entries(attributes)) line.setAttribute(name, String(value))
  return line
}
