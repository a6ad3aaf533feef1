/** PURE. The points of each kind of region: how many, in which order, and when two are the same. */
import type { RegionKind } from '../types'
import type { Point2 } from './geometry'

export const MAX_POINTS = 10_000
/** Below this a difference is rounding, not a hand. */
const SAME_PIXELS = 0.01
const COUNTS: Partial<Record<RegionKind, number>> = {
  point: 1, length: 2, bidirectional: 4, angle: 3, arrow: 2, box: 4, ellipse: 4,
}

export function isOutline(kind: RegionKind): boolean {
  return kind === 'polygon' || kind === 'freehand'
}

/** Lines and points may leave the plane of a frame; areas may not. */
export function mayLeaveFrame(kind: RegionKind): boolean {
  return kind === 'point' || kind === 'length'
}

/** Whether the points can be a region of this kind: enough of them, and not all in one place. */
export function isWhole(kind: RegionKind, pixels: readonly Point2[]): boolean {
  const count = COUNTS[kind]
  if (count === undefined ? pixels.length < 3 : pixels.length !== count) return false
  const [first] = pixels
  return kind === 'point' || pixels.some((p) => first !== undefined && distance(p, first) > SAME_PIXELS)
}

/** Cornerstone's corners in the order of the contract: [a, b, c, d] there has a and d opposite. */
export function cornersOf(corners: readonly Point2[]): number[] {
  const cycle = [0, 1, 3, 2]
  const sum = (index: number) => (corners[index]?.[0] ?? 0) + (corners[index]?.[1] ?? 0)
  const start = cycle.reduce((best, at, i) => (sum(at) < sum(cycle[best] ?? 0) ? i : best), 0)
  const turned = cycle.map((_, i) => cycle[(start + i) % 4] ?? 0)
  const [, next = 0, , last = 0] = turned
  const isClockwise = (corners[next]?.[0] ?? 0) >= (corners[last]?.[0] ?? 0)
  return isClockwise ? turned : [turned[0] ?? 0, last, turned[2] ?? 0, next]
}

/** The contract's corners (TL, TR, BR, BL) as Cornerstone keeps them. */
export function cornersForTool<T>(corners: readonly T[]): T[] {
  const [topLeft, topRight, bottomRight, bottomLeft] = corners
  return [topLeft, topRight, bottomLeft, bottomRight] as T[]
}

/** An outline of at most MAX_POINTS: evenly thinned out, which no eye can see. */
export function thinned<T>(points: readonly T[]): T[] {
  if (points.length <= MAX_POINTS) return [...points]
  const step = points.length / MAX_POINTS
  return Array.from({ length: MAX_POINTS }, (_, i) => points[Math.floor(i * step)] as T)
}

/** The same shape, whichever way round an outline is stored. */
export function areSame(kind: RegionKind, a: readonly Point2[], b: readonly Point2[]): boolean {
  if (a.length !== b.length) return false
  const fit = (other: readonly Point2[]) =>
    a.every((p, i) => distance(p, other[i] ?? [Infinity, Infinity]) <= SAME_PIXELS)
  return fit(b) || (isOutline(kind) && fit([...b].reverse()))
}

export function distance(a: Point2, b: Point2): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1])
}

/** The mean of the points. */
export function middleOf(pixels: readonly (readonly [number, number])[]): [number, number] {
  const sum = (axis: 0 | 1) => pixels.reduce((total, pixel) => total + pixel[axis], 0)
  const count = Math.max(pixels.length, 1)
  return [sum(0) / count, sum(1) / count]
}
