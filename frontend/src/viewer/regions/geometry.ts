/** PURE. Between the pixels of a frame and millimetres in the patient (LPS; PS3.3 C.7.6.2.1.1). */

export type Point2 = readonly [number, number]
export type Point3 = readonly [number, number, number]

/** A frame in space: `position` is the centre of its first pixel. */
export interface ImagePlane {
  position: Point3
  /** The direction in which x (the column number) grows. */
  row: Point3
  /** The direction in which y (the row number) grows. */
  column: Point3
  /** Between columns, then between rows. */
  spacing_mm: Point2
}

/** A thousandth of a pixel or millimetre: finer than any hand, and short as JSON. */
const DECIMALS = 1000
/** A frame is nearer than another only by more than rounding. */
const TIE_MM = 0.01

/** x and y of a point; (0, 0) is the centre of the first pixel. A point off the plane is projected.
 * Cornerstone's worldToImageCoords is not used: it puts (0, 0) at the corner of the first pixel and
 * takes the spacing between rows for x, which is wrong where pixels are no squares. */
export function toPixel(plane: ImagePlane, point: Point3): Point2 {
  const offset = subtract(point, plane.position)
  return [dot(offset, plane.row) / plane.spacing_mm[0], dot(offset, plane.column) / plane.spacing_mm[1]]
}

export function toWorld(plane: ImagePlane, [x, y]: Point2): Point3 {
  const along = scale(plane.row, x * plane.spacing_mm[0])
  const down = scale(plane.column, y * plane.spacing_mm[1])
  return add(plane.position, add(along, down))
}

export function normalOf(plane: ImagePlane): Point3 {
  return cross(plane.row, plane.column)
}

/** How far the point lies in front of the frame, in mm; negative behind it. */
export function heightOver(plane: ImagePlane, point: Point3): number {
  return dot(subtract(point, plane.position), normalOf(plane))
}

export function areParallel(a: Point3, b: Point3): boolean {
  return Math.abs(dot(a, b)) > 0.999 * Math.hypot(...a) * Math.hypot(...b)
}

/** The frame that lies nearest to the point; null where there is none. */
export function nearest<T extends { plane: ImagePlane }>(frames: readonly T[], point: Point3): T | null {
  const heights = frames.map((frame) => Math.abs(heightOver(frame.plane, point)))
  return frames[heights.indexOf(Math.min(...heights))] ?? null
}

/** The frame that lies nearest to what was on one `before`: that one among equals, so that nothing leaves it by itself. */
export function nearestSince<T extends { plane: ImagePlane }>(before: T, frames: readonly T[], point: Point3): T {
  const away = (frame: T) => Math.abs(heightOver(frame.plane, point))
  const found = nearest(frames, point)
  return found && away(found) < away(before) - TIE_MM ? found : before
}

/** The mean of the points. */
export function middleOf(points: readonly Point3[]): Point3 {
  const sum = points.reduce(add, [0, 0, 0])
  return scale(sum, 1 / points.length)
}

export function rounded<P extends Point2 | Point3>(point: P): P {
  // Adding zero turns -0, which JSON would not bring back, into 0.
  return point.map((value) => Math.round(value * DECIMALS) / DECIMALS + 0) as unknown as P
}

export function subtract(a: Point3, b: Point3): Point3 {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

export function add(a: Point3, b: Point3): Point3 {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

export function scale(a: Point3, factor: number): Point3 {
  return [a[0] * factor, a[1] * factor, a[2] * factor]
}

export function dot(a: Point3, b: Point3): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

export function cross(a: Point3, b: Point3): Point3 {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}
