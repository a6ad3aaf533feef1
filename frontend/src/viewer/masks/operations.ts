/** PURE. What can be done to one segment on a slice: binary maps (1 = segment), row by row. */

export interface Size {
  rows: number
  columns: number
}

/** From one binary map to another of the same size. */
export type Operation = (map: Uint8Array, size: Size) => Uint8Array

/** The labels after an operation on one of them. Voxels of other labels are never taken, voxels of
 * locked ones neither taken nor given. */
export function onSegment(
  labels: Uint8Array, value: number, size: Size, operation: Operation,
): Uint8Array {
  const after = operation(binary(labels, value), size)
  return withSegment(labels, value, after)
}

export function binary(labels: Uint8Array, value: number): Uint8Array {
  return labels.map((label) => (label === value ? 1 : 0))
}

/** The labels with exactly this map as one of the segments, as far as others leave room. */
export function withSegment(labels: Uint8Array, value: number, map: Uint8Array): Uint8Array {
  return labels.map((label, i) => {
    if (label !== value && label !== 0) return label
    return map[i] ? value : 0
  })
}

/** Labels in which locked segments are as before, whatever was painted. */
export function withLocked(
  before: Uint8Array | null, after: Uint8Array, locked: ReadonlySet<number>,
): Uint8Array {
  if (locked.size === 0) return after
  return after.map((label, i) => {
    const old = before?.[i] ?? 0
    return old !== label && (locked.has(old) || locked.has(label)) ? old : label
  })
}

/** The largest piece; pieces touch along edges. */
export const keepLargest: Operation = (map, size) => {
  const pieces = piecesOf(map, size, 1)
  const counts = new Map<number, number>()
  for (const piece of pieces) if (piece) counts.set(piece, (counts.get(piece) ?? 0) + 1)
  const [largest = 0] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? []
  return map.map((_, i) => (largest && pieces[i] === largest ? 1 : 0))
}

/** Whatever background does not reach the border of the slice becomes segment. */
export const fillHoles: Operation = (map, size) => {
  const { rows, columns } = size
  const pieces = piecesOf(map, size, 0)
  const outside = new Set<number>()
  for (let i = 0; i < pieces.length; i++) {
    const [y, x] = [Math.floor(i / columns), i % columns]
    if (x === 0 || y === 0 || x === columns - 1 || y === rows - 1) outside.add(pieces[i] ?? 0)
  }
  return map.map((bit, i) => (bit || !outside.has(pieces[i] ?? 0) ? 1 : 0))
}

/** The majority of each 3 x 3 neighbourhood; beyond the border is background. */
export const smooth: Operation = (map, { rows, columns }) => {
  const after = new Uint8Array(map.length)
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      let sum = 0
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -1; dx <= 1; dx++) sum += at(map, x + dx, y + dy, rows, columns)
      }
      after[y * columns + x] = sum >= 5 ? 1 : 0
    }
  }
  return after
}

export function growBy(pixels: number): Operation {
  return (map, size) => {
    const distance = distanceTo(map, size)
    return map.map((_, i) => ((distance[i] ?? Infinity) <= pixels ? 1 : 0))
  }
}

/** The border of the slice is no edge of the segment: what is cut off there is not eaten away. */
export function shrinkBy(pixels: number): Operation {
  return (map, size) => {
    const distance = distanceTo(map.map((bit) => 1 - bit), size)
    return map.map((bit, i) => (bit && (distance[i] ?? 0) > pixels ? 1 : 0))
  }
}

/** The slice at `fraction` of the way from one to the other, by shape: the signed distances to both
 * outlines are blended (Raya and Udupa 1990). */
export function between(from: Uint8Array, to: Uint8Array, size: Size, fraction: number): Uint8Array {
  const [a, b] = [signedDistance(from, size), signedDistance(to, size)]
  return from.map((_, i) => ((1 - fraction) * (a[i] ?? 0) + fraction * (b[i] ?? 0) < 0 ? 1 : 0))
}

/** Distance in pixels to the outline, halfway between inside and outside: negative inside. */
export function signedDistance(map: Uint8Array, size: Size): Float64Array {
  const toSegment = distanceTo(map, size)
  const toBackground = distanceTo(map.map((bit) => 1 - bit), size)
  return toSegment.map((d, i) => (map[i] ? 0.5 - (toBackground[i] ?? 0) : d - 0.5))
}

/** Fill the empty slices between painted ones; slices of one stack in order, null where nothing was
 * painted. Painted slices stay as they are. */
export function interpolated(
  slices: readonly (Uint8Array | null)[], size: Size,
): Map<number, Uint8Array> {
  const filled = new Map<number, Uint8Array>()
  let before = -1
  slices.forEach((to, index) => {
    if (to === null) return
    const from = slices[before]
    for (let i = before + 1; from && i < index; i++) {
      filled.set(i, between(from, to, size, (i - before) / (index - before)))
    }
    before = index
  })
  return filled
}

export function isEmpty(labels: Uint8Array): boolean {
  return labels.every((label) => label === 0)
}

/** Exact Euclidean distance of every pixel to the nearest 1, in pixels (Felzenszwalb 2012). */
function distanceTo(map: Uint8Array, { rows, columns }: Size): Float64Array {
  const far = (rows + columns) ** 2
  const squares = Float64Array.from(map, (bit) => (bit ? 0 : far))
  for (let x = 0; x < columns; x++) transformLine(squares, x, columns, rows)
  for (let y = 0; y < rows; y++) transformLine(squares, y * columns, 1, columns)
  return squares.map(Math.sqrt)
}

/** Squared distances along one line: the lower envelope of a parabola over each of its points. */
function transformLine(squares: Float64Array, start: number, step: number, length: number): void {
  const values = Float64Array.from({ length }, (_, i) => squares[start + i * step] ?? 0)
  const centres = new Int32Array(length)
  const borders = new Float64Array(length + 1)
  let last = 0
  borders[0] = -Infinity
  borders[1] = Infinity
  for (let i = 1; i < length; i++) {
    let border = crossing(values, centres[last] ?? 0, i)
    while (border <= (borders[last] ?? 0)) {
      last--
      border = crossing(values, centres[last] ?? 0, i)
    }
    last++
    centres[last] = i
    borders[last] = border
    borders[last + 1] = Infinity
  }
  for (let i = 0, k = 0; i < length; i++) {
    while ((borders[k + 1] ?? Infinity) < i) k++
    const centre = centres[k] ?? 0
    squares[start + i * step] = (i - centre) ** 2 + (values[centre] ?? 0)
  }
}

function crossing(values: Float64Array, a: number, b: number): number {
  return ((values[b] ?? 0) + b * b - ((values[a] ?? 0) + a * a)) / (2 * (b - a))
}

/** A number for every pixel of this value, the same within a piece; 0 elsewhere. */
function piecesOf(map: Uint8Array, { rows, columns }: Size, value: number): Uint32Array {
  const pieces = new Uint32Array(map.length)
  const waiting: number[] = []
  let count = 0
  for (let start = 0; start < map.length; start++) {
    if (map[start] !== value || pieces[start]) continue
    pieces[start] = ++count
    waiting.push(start)
    for (let i = waiting.pop(); i !== undefined; i = waiting.pop()) {
      for (const next of neighbours(i, rows, columns)) {
        if (map[next] !== value || pieces[next]) continue
        pieces[next] = count
        waiting.push(next)
      }
    }
  }
  return pieces
}

function neighbours(i: number, rows: number, columns: number): number[] {
  const [x, y] = [i % columns, Math.floor(i / columns)]
  const found: number[] = []
  if (x > 0) found.push(i - 1)
  if (x < columns - 1) found.push(i + 1)
  if (y > 0) found.push(i - columns)
  if (y < rows - 1) found.push(i + columns)
  return found
}

function at(map: Uint8Array, x: number, y: number, rows: number, columns: number): number {
  return x < 0 || y < 0 || x >= columns || y >= rows ? 0 : map[y * columns + x] ?? 0
}

/** The middle of a segment's pixels; of none of them NaN. */
export function centreOf(labels: Uint8Array, value: number, columns: number): [number, number] {
  let [x, y, count] = [0, 0, 0]
  labels.forEach((label, i) => {
    if (label !== value) return
    x += i % columns
    y += Math.floor(i / columns)
    count++
  })
  return [Math.round(x / count), Math.round(y / count)]
}
