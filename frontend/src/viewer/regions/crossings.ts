/** PURE. Where a plane cuts through a region that was drawn on another one. */
import type { RegionKind } from '../types'
import { areParallel, add, cross, dot, scale, subtract, type Point3 } from './geometry'
import { isOutline } from './shapes'

export interface Plane {
  point: Point3
  normal: Point3
}

/** Less than this beside the plane is in it. */
const IN_PLANE_MM = 1e-3
const ELLIPSE_CORNERS = 64

/** The pieces of the region that lie in the plane: lines where it cuts an area, points (both ends
 * equal) where it cuts a line. Nothing for a plane along the frame, which shows the region itself. */
export function crossings(
  kind: RegionKind, points: readonly Point3[], frameNormal: Point3, plane: Plane,
): [Point3, Point3][] {
  if (areParallel(frameNormal, plane.normal)) return []
  const isArea = kind === 'box' || kind === 'ellipse' || isOutline(kind)
  const line = kind === 'ellipse' ? ellipse(points) : points
  const cuts = strokes(kind, line, isArea).map(([a, b]) => cutOf(a, b, plane)).filter((cut) => cut !== null)
  if (!isArea) return cuts.map((cut) => [cut, cut])
  const along = cross(frameNormal, plane.normal)
  const sorted = cuts.sort((a, b) => dot(a, along) - dot(b, along))
  return sorted.flatMap((from, i): [Point3, Point3][] => {
    const to = sorted[i + 1]
    return i % 2 === 0 && to ? [[from, to]] : []
  })
}

/** The straight pieces of which a region consists. */
function strokes(kind: RegionKind, points: readonly Point3[], isClosed: boolean): [Point3, Point3][] {
  const pairs = points.flatMap((from, i): [Point3, Point3][] => {
    const to = points[i + 1] ?? (isClosed ? points[0] : undefined)
    return to ? [[from, to]] : []
  })
  // The two axes of a bidirectional measurement are not joined.
  return kind === 'bidirectional' ? pairs.filter((_, i) => i % 2 === 0) : pairs
}

function cutOf(from: Point3, to: Point3, { point, normal }: Plane): Point3 | null {
  const [a, b] = [dot(subtract(from, point), normal), dot(subtract(to, point), normal)]
  const isInPlane = Math.abs(a) < IN_PLANE_MM && Math.abs(b) < IN_PLANE_MM
  if (isInPlane || a < 0 === b < 0) return null
  return add(from, scale(subtract(to, from), a / (a - b)))
}

/** Its outline as a polygon, from its ends (bottom, top, left, right). */
function ellipse([bottom, top, left, right]: readonly Point3[]): Point3[] {
  if (!bottom || !top || !left || !right) return []
  const center = scale(add(left, right), 0.5)
  const [across, down] = [scale(subtract(right, left), 0.5), scale(subtract(bottom, top), 0.5)]
  return Array.from({ length: ELLIPSE_CORNERS }, (_, i) => {
    const angle = (2 * Math.PI * i) / ELLIPSE_CORNERS
    return add(center, add(scale(across, Math.cos(angle)), scale(down, Math.sin(angle))))
  })
}
