/** Which slice another pane shows when panes scroll together, and where planes meet: pure. */
import type { Vector } from './geometry'

const PARALLEL = 0.95
const EPSILON = 1e-6

export interface Plane {
  point: Vector
  normal: Vector
}

export function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

export function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/** Whether two planes look along (nearly) one line, so that scrolling both makes sense. */
export function areParallel(a: Vector, b: Vector): boolean {
  return Math.abs(dot(a, b)) >= PARALLEL
}

/** The index of the value nearest to the one wanted; the first of equals. */
export function nearestIndex(values: readonly number[], wanted: number): number {
  let best = 0
  values.forEach((value, index) => {
    if (Math.abs(value - wanted) < Math.abs((values[best] ?? Infinity) - wanted)) best = index
  })
  return best
}

/** The same share of the way through another stack. */
export function relativeIndex(index: number, count: number, otherCount: number): number {
  if (count < 2) return Math.floor((otherCount - 1) / 2)
  return Math.round((index / (count - 1)) * (otherCount - 1))
}

/** Where a plane cuts an image (its corners in order around it); null where it misses it. */
export function crossSection(
  corners: readonly Vector[], { point, normal }: Plane,
): [Vector, Vector] | null {
  const sides = corners.map((corner) => dot(minus(corner, point), normal))
  const cuts: Vector[] = []
  corners.forEach((from, index) => {
    const next = (index + 1) % corners.length
    const [a = 0, b = 0] = [sides[index], sides[next]]
    const to = corners[next]
    if (!to || Math.abs(a - b) < EPSILON || a < 0 === b < 0) return
    const part = a / (a - b)
    cuts.push([0, 1, 2].map((i) => (from[i] ?? 0) + part * ((to[i] ?? 0) - (from[i] ?? 0))) as unknown as Vector)
  })
  const [first, second] = cuts
  return first && second ? [first, second] : null
}

/** The point moved along the normal into the plane. */
export function projected(point: Vector, { point: origin, normal }: Plane): Vector {
  const distance = dot(minus(point, origin), normal) / dot(normal, normal)
  return [
    point[0] - distance * normal[0], point[1] - distance * normal[1], point[2] - distance * normal[2],
  ]
}

/** The point of an image (its corners in order around it) that is nearest to a point of its plane. */
export function nearestWithin(corners: readonly Vector[], point: Vector): Vector {
  const [corner = point, right = point, , down = point] = corners
  return [right, down].reduce<Vector>((at, end) => {
    const side = minus(end, corner)
    const share = Math.min(Math.max(dot(minus(point, corner), side) / (dot(side, side) || 1), 0), 1)
    return [at[0] + share * side[0], at[1] + share * side[1], at[2] + share * side[2]]
  }, corner)
}

/** A direction turned about the line of sight; the image then turns clockwise. */
export function turned(up: Vector, normal: Vector, degrees: number): [number, number, number] {
  const angle = (degrees * Math.PI) / 180
  const side = cross(normal, up)
  const [x = 0, y = 0, z = 0] = [0, 1, 2].map(
    (i) => (up[i] ?? 0) * Math.cos(angle) + (side[i] ?? 0) * Math.sin(angle),
  )
  return [x, y, z]
}

function minus(a: Vector, b: Vector): Vector {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}
