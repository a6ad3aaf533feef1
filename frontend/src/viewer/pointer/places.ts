/** PURE. Where a pointer goes that keys move: from one pixel of the image to another, however it lies on the screen. */
import type { Vector } from '../geometry'

/** In pixels of a pane. */
export type Point2 = readonly [number, number]
export type Direction = 'left' | 'right' | 'up' | 'down'

/** The pixels, or voxels, of what is shown. */
export interface Lattice {
  dimensions: Vector
  /** Whole numbers are centres, from 0. */
  toIndex: (point: Vector) => Vector
  toPoint: (index: Vector) => Vector
}

const ON_SCREEN: Readonly<Record<Direction, Point2>> = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1] }
const AXES = [0, 1, 2] as const
/** A screen pixel less this is one still. */
const ROUNDING = 1e-6

/** The centre of the pixel that lies nearest to a point. */
export function snapped(point: Vector, { dimensions, toIndex, toPoint }: Lattice): Vector {
  const index = toIndex(point)
  return toPoint(vectorOf((axis) => within(Math.round(index[axis]), dimensions[axis])))
}

/** So many pixels on as the screen shows them, no farther than the image goes. Where the screen's own are larger, each
 * step is of as many as make one of those. */
export function stepped(
  point: Vector, direction: Direction, count: number, lattice: Lattice, toCanvas: (point: Vector) => Point2,
): Vector {
  const index = lattice.toIndex(point)
  const { axis, along_px } = axisAlong(ON_SCREEN[direction], index, lattice, toCanvas)
  const pixels = count * Math.max(1, Math.ceil(1 / Math.abs(along_px) - ROUNDING))
  const wanted = Math.round(index[axis] + Math.sign(along_px) * pixels)
  return lattice.toPoint(vectorOf((one) => (one === axis ? within(wanted, lattice.dimensions[one]) : index[one])))
}

/** The axis of the image that runs that way on the screen, and how far one pixel of it goes there. */
function axisAlong([right, down]: Point2, index: Vector, { toPoint }: Lattice, toCanvas: (point: Vector) => Point2) {
  const from = toPoint(index)
  const [x, y] = toCanvas(from)
  const steps = AXES.map((axis) => {
    const to = toPoint(vectorOf((one) => index[one] + (one === axis ? 1 : 0)))
    const [toX, toY] = toCanvas(to)
    const along_px = (toX - x) * right + (toY - y) * down
    // By millimetre: an axis that runs askew may have the longer steps.
    return { axis, along_px, share: Math.abs(along_px) / Math.hypot(...vectorOf((one) => to[one] - from[one])) }
  })
  return steps.reduce((best, step) => (step.share > best.share ? step : best))
}

function within(index: number, count: number): number {
  return Math.min(Math.max(index, 0), count - 1)
}

function vectorOf(value: (axis: 0 | 1 | 2) => number): Vector {
  return [value(0), value(1), value(2)]
}
