/** PURE. Where the cells of a map lie in the patient. */
import { heightOver, toPixel, type ImagePlane, type Point3 } from '../regions/geometry'
import type { ExplanationMap } from './map'

/** Column, row and slice of a map; whole numbers are the middles of its cells. */
export type Cell = readonly [number, number, number]

export interface MapSpace {
  toCell(point: Point3): Cell
  /** What of the map lies over the image: what was padded around it is not there. */
  from: Cell
  to: Cell
}

/** A slice of the map and where it lies, and how far the next one lies in front of it. */
export interface Anchor {
  plane: ImagePlane
  slice: number
  /** Negative where the slices run against the normal; infinite where there is nothing but this slice. */
  step_mm: number
}

const HALF_CELL = 0.5

export function spaceOf(map: ExplanationMap, { plane, slice, step_mm }: Anchor, image: readonly [number, number]): MapSpace {
  const [left, top, right, bottom] = map.box
  const columnOf = (x: number) => ((x - left) / (right - left)) * map.columns - HALF_CELL
  const rowOf = (y: number) => ((y - top) / (bottom - top)) * map.rows - HALF_CELL
  const [width, height] = image
  return {
    toCell(point) {
      const [x, y] = toPixel(plane, point)
      return [columnOf(x), rowOf(y), slice + heightOver(plane, point) / step_mm]
    },
    from: [
      Math.max(columnOf(-HALF_CELL), -HALF_CELL), Math.max(rowOf(-HALF_CELL), -HALF_CELL), -HALF_CELL,
    ],
    to: [
      Math.min(columnOf(width - HALF_CELL), map.columns - HALF_CELL),
      Math.min(rowOf(height - HALF_CELL), map.rows - HALF_CELL),
      map.frames.length - HALF_CELL,
    ],
  }
}
