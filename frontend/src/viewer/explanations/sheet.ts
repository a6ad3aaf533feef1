/** The picture of a map that suits a pane: how fine, and through which cells, from its camera and slab. */
import type { Viewport } from '../pictures'
import type { Point3 } from '../regions/geometry'
import type { Sheet } from './sampling'
import type { Cell, MapSpace } from './space'

/** Dots of a picture in all its layers: a map is coarse, and it is painted anew at every step of a scroll. */
const DOTS = 200_000
/** Of a slab of many layers: it must still show a place. */
const LEAST_DOTS = 10_000
/** Nothing hot may fall between two layers. */
const CELLS_BETWEEN_LAYERS = 0.5
/** Cornerstone's thinnest slab is a plane. */
const THINNEST_MM = 0.1

/** With the size of a dot in pixels of the page. */
export function sheetOf(viewport: Viewport, space: MapSpace): Sheet & { step: number } {
  const { clientWidth: width, clientHeight: height } = viewport.element
  const cellAt = (x: number, y: number) => space.toCell(viewport.canvasToWorld([x, y]))
  const origin = cellAt(0, 0)
  const slab = slabOf(viewport, space)
  const wanted = Math.max(DOTS / slab.layers, LEAST_DOTS)
  const step = Math.max(1, Math.sqrt((width * height) / wanted))
  const across = scaled(minus(cellAt(width, 0), origin), step / width)
  const down = scaled(minus(cellAt(0, height), origin), step / height)
  // From the corner of the pane to the middle of the first dot, and to the first layer.
  const half = scaled(plus(across, down), 0.5)
  return {
    columns: Math.ceil(width / step), rows: Math.ceil(height / step), step, across, down, ...slab,
    first: plus(plus(origin, half), slab.start),
  }
}

/** How many layers a slab takes, how far apart, and where the first lies as seen from its middle. */
function slabOf(viewport: Viewport, space: MapSpace): { start: Cell; through: Cell; layers: number } {
  const { focalPoint, viewPlaneNormal } = viewport.getCamera()
  const half_mm = 'getSlabThickness' in viewport ? viewport.getSlabThickness() : 0 // on each side of the plane
  if (half_mm < THINNEST_MM || !focalPoint || !viewPlaneNormal) return { start: NOWHERE, through: NOWHERE, layers: 1 }
  const [x, y, z] = focalPoint
  const [a, b, c] = viewPlaneNormal
  const behind: Point3 = [x + half_mm * a, y + half_mm * b, z + half_mm * c]
  const reach = minus(space.toCell(behind), space.toCell([x, y, z]))
  const cells = 2 * Math.max(...reach.map(Math.abs))
  const layers = Math.ceil(cells / CELLS_BETWEEN_LAYERS) + 1
  return { start: scaled(reach, -1), through: scaled(reach, layers > 1 ? 2 / (layers - 1) : 0), layers }
}

const NOWHERE: Cell = [0, 0, 0]

function plus(a: Cell, b: Cell): Cell {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

function minus(a: Cell, b: Cell): Cell {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

function scaled(a: Cell, factor: number): Cell {
  return [a[0] * factor, a[1] * factor, a[2] * factor]
}
