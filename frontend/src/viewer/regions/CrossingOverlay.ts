/** Marks in planes through a volume where they cut regions drawn on its frames; Cornerstone shows an
 * annotation only in planes along it. */
import * as core from '@cornerstonejs/core'
import { drawn, PaneDrawings } from '../PaneDrawings'
import type { Viewport } from '../pictures'
import type { PaneHost, PaneView, Region } from '../types'
import { crossings } from './crossings'
import { normalOf, toWorld, type Point3 } from './geometry'
import type { Frame } from './frames'

export interface Placed {
  region: Region
  frame: Frame
}

const MOVED = core.Enums.Events.CAMERA_MODIFIED

export class CrossingOverlay {
  private readonly drawings: PaneDrawings
  private regions: readonly Placed[] = []
  private colours: (label: string) => string = () => ''

  constructor(private readonly host: PaneHost) {
    this.drawings = new PaneDrawings(host, MOVED, 'region-crossings', (view, viewport) => this.marksIn(view, viewport))
  }

  draw(regions: readonly Placed[], colours: (label: string) => string): void {
    this.regions = regions.filter(({ region }) => !region.is_hidden)
    this.colours = colours
    this.drawings.show(this.host.views().filter((view) => view.volumeId !== null))
  }

  destroy(): void {
    this.drawings.destroy()
  }

  private marksIn(view: PaneView, viewport: Viewport): SVGElement[] {
    const { focalPoint, viewPlaneNormal } = viewport.getCamera()
    if (view.volumeId === null || !focalPoint || !viewPlaneNormal) return []
    const plane = { point: focalPoint, normal: viewPlaneNormal }
    const own = this.regions.filter(({ frame }) => view.imageIds.includes(frame.imageId))
    return own.flatMap(({ region, frame }) => {
      const world = region.points ?? region.pixels.map((pixel) => toWorld(frame.plane, pixel))
      const found = crossings(region.kind, world, normalOf(frame.plane), plane)
      return found.map((ends) => mark(ends.map(onCanvas(viewport)), this.colours(region.label), region.id))
    })
  }
}

function onCanvas(viewport: Viewport) {
  return ([x, y, z]: Point3): readonly [number, number] => viewport.worldToCanvas([x, y, z])
}

/** A line with round ends; of no length it is a dot. */
function mark(
  [from = [0, 0], to = [0, 0]]: (readonly [number, number])[], colour: string, id: string,
): SVGLineElement {
  return drawn('line', {
    x1: from[0], y1: from[1], x2: to[0], y2: to[1], stroke: colour, 'stroke-width': 3,
    'stroke-linecap': 'round', 'data-region': id,
  })
}
