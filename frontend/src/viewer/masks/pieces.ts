/** PURE. Connected pieces of a map, plane after plane: runs along its rows, joined where they touch along an edge
 * of a pixel or the face of a voxel. A generator rests after every plane, so that large maps hold nothing up. */

export interface Grid {
  /** 1 for a single slice. */
  planes: number
  rows: number
  columns: number
}

export class Pieces {
  /** Where each run begins in the map and where it has ended. */
  readonly starts: number[] = []
  readonly ends: number[] = []
  private readonly parents: number[] = []

  get count(): number {
    return this.starts.length
  }

  add(start: number, end: number): void {
    this.parents.push(this.starts.length)
    this.starts.push(start)
    this.ends.push(end)
  }

  /** The piece that a run belongs to: the number of one of its runs. */
  pieceOf(run: number): number {
    let at = run
    for (let parent = this.parents[at] ?? at; parent !== at; parent = this.parents[at] ?? at) {
      this.parents[at] = this.parents[parent] ?? parent
      at = parent
    }
    return at
  }

  join(one: number, other: number): void {
    const [a, b] = [this.pieceOf(one), this.pieceOf(other)]
    this.parents[Math.max(a, b)] = Math.min(a, b)
  }
}

/** The pieces of what has this value. */
export function* piecesOf(map: Uint8Array, grid: Grid, value: number): Generator<void, Pieces> {
  const { planes, rows, columns } = grid
  const pieces = new Pieces()
  /** The number of the first run of each row. */
  const firsts = new Uint32Array(planes * rows + 1)
  for (let z = 0; z < planes; z++) {
    for (let row = z * rows; row < (z + 1) * rows; row++) {
      addRuns(pieces, map, row * columns, (row + 1) * columns, value)
      firsts[row + 1] = pieces.count
      if (row > z * rows) joinRows(pieces, firsts, row, row - 1, columns)
      if (z > 0) joinRows(pieces, firsts, row, row - rows, columns)
    }
    yield
  }
  return pieces
}

function addRuns(pieces: Pieces, map: Uint8Array, from: number, to: number, value: number): void {
  for (let i = from; i < to; i++) {
    if (map[i] !== value) continue
    const start = i
    while (i < to && map[i] === value) i++
    pieces.add(start, i)
  }
}

/** Join the runs of two rows that lie beside each other, `other` before `row`. */
function joinRows(pieces: Pieces, firsts: Uint32Array, row: number, other: number, columns: number): void {
  const apart = (row - other) * columns
  const [end, otherEnd] = [firsts[row + 1] ?? 0, firsts[other + 1] ?? 0]
  let [a, b] = [firsts[row] ?? 0, firsts[other] ?? 0]
  while (a < end && b < otherEnd) {
    const [start, stop] = [pieces.starts[a] ?? 0, pieces.ends[a] ?? 0]
    const [otherStart, otherStop] = [(pieces.starts[b] ?? 0) + apart, (pieces.ends[b] ?? 0) + apart]
    if (start < otherStop && otherStart < stop) pieces.join(a, b)
    if (stop < otherStop) a++
    else b++
  }
}
