/** Rules of the grid of panes: pure. */
import type { Layout } from './types'

export interface Shape {
  rows: number
  columns: number
  count: number
}

export const MAX_PANES = 9
/** Below this ratio of width to height three panes in one row are too narrow to read. */
const MIN_ROW_RATIO = 1.6

export function shapeOf(layout: Layout): Shape {
  const [rows = 1, columns = 1] = layout.split('x').map(Number)
  return { rows, columns, count: rows * columns }
}

/** Three planes side by side on a wide screen, four-up (with the stack) on a squarer one. */
export function layoutForPlanes(width: number, height: number): Layout {
  return width > height * MIN_ROW_RATIO ? '1x3' : '2x2'
}

/** The active pane after the grid changed: the same one if it still exists. */
export function activeIn(layout: Layout, active: number): number {
  return Math.min(Math.max(active, 0), shapeOf(layout).count - 1)
}
