/** PURE. Where the voxels of a label map lie along its three axes, in mm: what lies between two slices, and how far
 * apart they are, is a question of places in the patient and not of the order in which the images come. */
import { areParallel, heightOver, normalOf, type ImagePlane } from '../regions/geometry'
import type { Section } from './cuts'
import type { Size } from './operations'

/** Along each axis of the labels, growing; slices may lie at any distances from one another. */
export interface Positions {
  slices: readonly number[]
  rows: readonly number[]
  columns: readonly number[]
}

/** Why slices have nothing between them: no place in the patient, turned against one another, or in one place. */
export type NoSpace = 'no_place' | 'turned' | 'same_place'

/** Of the voxels on cuts of one direction: from cut to cut, and on each of them down its rows and along its columns. */
export interface Axes {
  between: readonly number[]
  down: readonly number[]
  along: readonly number[]
}

/** Nearer than this is no other place: positions are stored with few decimals. */
const SAME_MM = 1e-3

/** @param planes of every slice in their order; null for an image that has no place in the patient. */
export function positionsIn(planes: readonly (ImagePlane | null)[], { rows, columns }: Size): Positions | NoSpace {
  const [first] = planes
  if (!first) return 'no_place'
  const heights: number[] = []
  for (const plane of planes) {
    if (!plane) return 'no_place'
    if (!areParallel(normalOf(plane), normalOf(first)) || !areParallel(plane.row, first.row)) return 'turned'
    heights.push(heightOver(first, plane.position))
  }
  const sign = Math.sign(heights.at(-1) ?? 0) // a stack may be stored from either end
  const slices = heights.map((height) => (sign < 0 ? 0 - height : height)) // no negative zero
  if (slices.some((height, i) => i > 0 && height - (slices[i - 1] ?? 0) < SAME_MM)) return 'same_place'
  const [column_mm, row_mm] = first.spacing_mm
  return { slices, rows: steps(rows, row_mm), columns: steps(columns, column_mm) }
}

export function axesOf({ slices, rows, columns }: Positions, of: Section['of']): Axes {
  if (of === 'slice') return { between: slices, down: rows, along: columns }
  return of === 'row' ? { between: rows, down: slices, along: columns } : { between: columns, down: slices, along: rows }
}

function steps(count: number, step_mm: number): number[] {
  return Array.from({ length: count }, (_, i) => i * step_mm)
}
