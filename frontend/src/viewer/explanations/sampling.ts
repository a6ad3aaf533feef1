/** PURE. What a map says under each dot of a picture: between its cells, and the most of what lies in a slab. */
import type { ExplanationMap } from './map'
import type { Cell, MapSpace } from './space'

/** A picture laid through the cells of a map: where its first dot lies, and its steps from dot to dot. */
export interface Sheet {
  columns: number
  rows: number
  first: Cell
  across: Cell
  down: Cell
  /** From layer to layer of a slab, the first of which holds the first dot. */
  through: Cell
  layers: number
}

/** 0 to 255 row by row; null where no dot lies on the map. */
export function sampled(map: ExplanationMap, space: MapSpace, sheet: Sheet): Uint8Array | null {
  const values = new Uint8Array(sheet.columns * sheet.rows)
  let isCut = false
  for (let layer = 0; layer < sheet.layers; layer += 1) {
    for (let row = 0; row < sheet.rows; row += 1) {
      const start = along(along(sheet.first, sheet.through, layer), sheet.down, row)
      isCut = sampleRow(map, space, sheet, start, values, row * sheet.columns) || isCut
    }
  }
  return isCut ? values : null
}

/** Plain numbers in here: it runs for each dot of each layer while the images are scrolled. */
function sampleRow(
  map: ExplanationMap, { from, to }: MapSpace, { columns, across }: Sheet, start: Cell, values: Uint8Array, offset: number,
): boolean {
  let [x, y, z] = start
  let isCut = false
  for (let index = offset; index < offset + columns; index += 1) {
    if (x >= from[0] && x < to[0] && y >= from[1] && y < to[1] && z >= from[2] && z < to[2]) {
      isCut = true
      const value = valueAt(map, x, y, z)
      if (value > (values[index] ?? 0)) values[index] = value
    }
    x += across[0]
    y += across[1]
    z += across[2]
  }
  return isCut
}

/** Linear between the middles of the cells around it; rounded, as its cells are. */
function valueAt({ columns, rows, frames, values }: ExplanationMap, x: number, y: number, z: number): number {
  const slices = frames.length
  const [column, row, slice] = [within(x, columns), within(y, rows), within(z, slices)]
  const [left, top, front] = [Math.floor(column), Math.floor(row), Math.floor(slice)]
  const right = left + 1 < columns ? 1 : 0
  const below = top + 1 < rows ? columns : 0
  const behind = front + 1 < slices ? columns * rows : 0
  const at = (front * rows + top) * columns + left
  const line = (start: number) => mixed(values[start] ?? 0, values[start + right] ?? 0, column - left)
  const face = (start: number) => mixed(line(start), line(start + below), row - top)
  return Math.round(mixed(face(at), face(at + behind), slice - front))
}

function within(place: number, count: number): number {
  return Math.min(Math.max(place, 0), count - 1)
}

function mixed(one: number, other: number, share: number): number {
  return one + (other - one) * share
}

function along(start: Cell, step: Cell, count: number): Cell {
  return [start[0] + count * step[0], start[1] + count * step[1], start[2] + count * step[2]]
}
