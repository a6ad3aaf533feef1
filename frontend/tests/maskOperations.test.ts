import { describe, expect, it } from 'vitest'
import { onSection, type Section } from '../src/viewer/masks/cuts'
import { between, interpolated, signedDistance, type Gaps } from '../src/viewer/masks/interpolation'
import {
  fillHoles, grow, keepLargest, onSegment, shrink, smooth, withFixed, type Operation, type Size,
} from '../src/viewer/masks/operations'
import type { Positions } from '../src/viewer/masks/positions'
import { onVolume } from '../src/viewer/masks/volume'

/** A slice as a picture: '.' is nothing, a digit is its label, '#' is 1. */
const map = (...lines: string[]) =>
  Uint8Array.from(lines.join(''), (c) => (c === '.' ? 0 : c === '#' ? 1 : Number(c)))
const size = (...lines: string[]): Size => ({ rows: lines.length, columns: lines[0]?.length ?? 0 })
const picture = (labels: Uint8Array, { columns }: Size) =>
  Array.from({ length: labels.length / columns }, (_, y) =>
    Array.from(labels.subarray(y * columns, (y + 1) * columns), (v) => (v ? '#' : '.')).join(''))

/** Run to the end, without a rest. */
function run<T>(work: Generator<void, T>): T {
  for (;;) {
    const step = work.next()
    if (step.done) return step.value
  }
}
function steps(count: number, step = 1): number[] {
  return Array.from({ length: count }, (_, i) => i * step)
}

/** Voxels of a millimetre, unless said otherwise. */
function inMm(slices: number, { rows, columns }: Size, part: Partial<Positions> = {}): Positions {
  return { slices: steps(slices), rows: steps(rows), columns: steps(columns), ...part }
}

/** How often it rests. */
function restsOf(work: Generator<void, unknown>): number {
  let count = 0
  while (!work.next().done) count++
  return count
}
const after = (operation: Operation, lines: string[]) =>
  picture(run(operation(map(...lines), { planes: 1, ...size(...lines) })), size(...lines))

describe('operations on a slice', () => {
  it('keeps the largest piece; corners do not connect', () => {
    expect(after(keepLargest, ['##...', '##...', '..#..', '...##', '...#.']))
      .toEqual(['##...', '##...', '.....', '.....', '.....'])
    expect(after(keepLargest, ['...'])).toEqual(['...'])
  })

  it('knows a piece that meets itself again', () => {
    expect(after(keepLargest, ['#.#.#', '#.#.#', '###..', '....#'])).toEqual(['#.#..', '#.#..', '###..', '.....'])
  })

  it('fills what is enclosed, not what is open to the border', () => {
    expect(after(fillHoles, ['.####.', '.#..#.', '.####.', '.#..#.', '.#..#.']))
      .toEqual(['.####.', '.####.', '.####.', '.#..#.', '.#..#.'])
  })

  it('smooths single pixels and notches away', () => {
    expect(after(smooth, ['#....', '..###', '..#.#', '..###', '.....']))
      .toEqual(['.....', '...#.', '..###', '...#.', '.....'])
  })

  it('grows and shrinks by a pixel, not at the border of the slice', () => {
    expect(after(grow, ['.....', '..#..', '.....'])).toEqual(['..#..', '.###.', '..#..'])
    expect(after(shrink, ['..#..', '.###.', '..#..'])).toEqual(['.....', '..#..', '.....'])
    expect(after(shrink, ['###', '###', '...'])).toEqual(['###', '...', '...'])
  })
})

describe('operations on a whole series', () => {
  const whole = (operation: Operation, slices: string[][], value = 1) => {
    const before = slices.map((lines) => map(...lines))
    const changed = run(onVolume(before, value, size(...(slices[0] ?? [])), operation))
    return before.map((labels, i) => [...changed.get(i) ?? labels].join('').replaceAll('0', '.'))
  }

  it('keeps the largest piece through the slices', () => {
    expect(whole(keepLargest, [['22..', '1.11'], ['....', '1...'], ['....', '1...']])).toEqual(['22..1...', '....1...', '....1...'])
    expect(whole(keepLargest, [['....'], ['....']])).toEqual(['....', '....'])
  })

  it('fills what is closed on all sides only', () => {
    const [full, ring] = [['.....', '.###.', '.###.', '.###.', '.....'], ['.....', '.###.', '.#.#.', '.###.', '.....']]
    const [filled, hollow] = [full, ring].map((lines) => lines.join('').replaceAll('#', '1'))
    expect(whole(fillHoles, [full, ring, full])).toEqual([filled, filled, filled])
    expect(whole(fillHoles, [ring, ring, full])).toEqual([hollow, hollow, filled])
    expect(whole(fillHoles, [ring])).toEqual([filled])
  })

  it('leaves the holes in which others lie', () => {
    const [full, ring] = [['###', '###', '###'], ['###', '#2#', '###']]
    expect(whole(fillHoles, [['...', '...', '...'], full, ring, full, ['...', '...', '...']])[2]).toBe('111121111')
  })

  it('smooths, grows and shrinks across the slices', () => {
    const [none, dot, all] = [['...', '...', '...'], ['...', '.#.', '...'], ['###', '###', '###']]
    expect(whole(smooth, [none, dot, none])).toEqual(['.........', '.........', '.........'])
    expect(whole(smooth, [all, all, all])[1]).toBe('.1.111.1.')
    expect(whole(grow, [none, dot, none])).toEqual(['....1....', '.1.111.1.', '....1....'])
    expect(whole(shrink, [none, all, all])).toEqual(['.........', '.........', '111111111'])
  })

  it('rests after every slice, so that a large mask holds nothing up', () => {
    const slices = Array.from({ length: 300 }, () => new Uint8Array(64 * 64).fill(1, 64, 640))
    let rests = 0
    for (const work = onVolume(slices, 1, { rows: 64, columns: 64 }, keepLargest); !work.next().done;) rests++
    expect(rests).toBeGreaterThanOrEqual(4 * 300)
  })
})

describe('operations on cuts across the slices', () => {
  const slices = [map('#.', '#.', '..'), map('..', '.#', '..'), map('#.', '..', '..')]
  const cutBy = (section: Section) => {
    const changed = run(onSection(slices, section, 1, { rows: 3, columns: 2 }, fillHoles))
    return [...changed].map(([index, labels]) => [index, picture(labels, { rows: 3, columns: 2 })])
  }

  it('change what the cut shows and nothing beside it', () => {
    const tall = [map('...', '.#.', '...'), map('.#.', '#.#', '.#.'), map('...', '.#.', '...')]
    const filled = run(onSection(tall, { of: 'row', index: 1 }, 1, { rows: 3, columns: 3 }, fillHoles))
    expect([...filled].map(([index, labels]) => [index, picture(labels, { rows: 3, columns: 3 })])).toEqual([[1, ['.#.', '###', '.#.']]])
    const column = run(onSection(tall, { of: 'column', index: 1 }, 1, { rows: 3, columns: 3 }, shrink))
    expect([...column.keys()]).toEqual([0, 1, 2])
    expect(column.get(1)).toEqual(map('...', '#.#', '...'))
    expect(cutBy({ of: 'column', index: 0 })).toEqual([])
  })

  it('are slices where the slices themselves are shown', () => {
    expect(cutBy({ of: 'slice', index: 0 })).toEqual([[0, ['#.', '#.', '..']]])
  })
})

describe('labels', () => {
  it('of other segments are never taken', () => {
    const lines = ['.2.', '211', '.1.']
    const grown = run(onSegment(map(...lines), 1, size(...lines), grow))
    expect([...grown]).toEqual([0, 2, 1, 2, 1, 1, 1, 1, 1])
  })

  it('of locked segments are neither overwritten nor added to', () => {
    const before = map('1122..')
    const after = map('3312.2')
    expect([...withFixed(before, after, new Set([2]))]).toEqual([3, 3, 2, 2, 0, 0])
    expect([...withFixed(null, map('12'), new Set([2]))]).toEqual([1, 0])
    expect(withFixed(before, after, new Set())).toBe(after)
  })
})

describe('interpolation between slices', () => {
  const line = (from: number, to: number) =>
    Uint8Array.from({ length: 15 }, (_, x) => (x >= from && x <= to ? 1 : 0))
  const row: Size = { rows: 1, columns: 15 }
  const grid = { down: [0], along: steps(15) }

  it('measures the distance to the outline on both sides', () => {
    expect([...run(signedDistance(map('..###..'), { down: [0], along: steps(7) }))])
      .toEqual([1.5, 0.5, -0.5, -1.5, -0.5, 0.5, 1.5])
  })

  it('finds the shape halfway between a small and a large one', () => {
    // From 7 wide about x = 7 to 3 wide about x = 7: halfway 5 wide.
    const [large, small] = [run(signedDistance(line(4, 10), grid)), run(signedDistance(line(6, 8), grid))]
    expect(between(large, small, 0.5)).toEqual(line(5, 9))
  })

  const none = line(1, 0)
  it('fills gaps only, and leaves painted slices alone', () => {
    const filled = run(interpolated([none, line(3, 11), none, none, none, line(7, 7), line(2, 3), none], 1, row, inMm(8, row)))
    expect([...filled.keys()]).toEqual([2, 3, 4])
    expect(filled.get(2)).toEqual(line(4, 10))
    expect(filled.get(3)).toEqual(line(5, 9))
    expect(filled.get(4)).toEqual(line(6, 8))
  })

  it('joins only what lies over one another: two lesions stay two', () => {
    expect(run(interpolated([line(1, 3), none, line(9, 12)], 1, row, inMm(3, row))).size).toBe(0)
    const two = line(1, 3).map((bit, i) => bit || (line(9, 12)[i] ?? 0))
    expect(run(interpolated([line(1, 3), none, two], 1, row, inMm(3, row))).get(1)).toEqual(line(1, 3))
  })

  it('fills only the gaps that a slice lies in or borders on', () => {
    const slices = [line(3, 5), none, line(3, 5), none, line(3, 5), none, line(3, 5)]
    const filledAround = (index: number) => [...run(interpolated(slices, 1, row, inMm(7, row), { of: 'slice', around: index })).keys()]
    expect(filledAround(3)).toEqual([3])
    expect(filledAround(4)).toEqual([3, 5])
    expect([...run(interpolated(slices, 1, row, inMm(7, row))).keys()]).toEqual([1, 3, 5])
  })

  it('leaves to others what is theirs', () => {
    const others = none.map((_, x) => (x === 4 ? 2 : 0))
    expect(run(interpolated([line(3, 5), others, line(3, 5)], 1, row, inMm(3, row))).get(1)).toEqual(line(3, 5).map((bit, x) => (x === 4 ? 2 : bit)))
  })

  it('weighs slices by their distance in mm, not by their number', () => {
    // From 9 wide to 1 wide over 8 mm: 1, 2 and 6 mm on the way, as where slices are missing or vary.
    const positions = inMm(5, row, { slices: [10, 11, 12, 16, 18] })
    const filled = run(interpolated([line(3, 11), none, none, none, line(7, 7)], 1, row, positions))
    expect(filled.get(1)).toEqual(line(4, 10))
    expect(filled.get(2)).toEqual(line(4, 10))
    expect(filled.get(3)).toEqual(line(6, 8))
  })

  it('measures distances where pixels are no squares', () => {
    const found = run(signedDistance(map('#..', '...', '...'), { down: [0, 3, 4], along: steps(3) }))
    expect([...found].map((mm) => Math.round(mm * 100) / 100)).toEqual([-0.5, 0.5, 1.5, 2.5, 2.66, 3.11, 3.5, 3.62, 3.97])
  })

  /** Five slices of 4 rows and 15 columns, in which only these rows or columns hold anything. */
  const painted = (inside: (z: number, y: number, x: number) => boolean) =>
    steps(5).map((z) => Uint8Array.from({ length: 60 }, (_, i) => (inside(z, Math.floor(i / 15), i % 15) ? 1 : 0)))
  const room: Size = { rows: 4, columns: 15 }
  const filling = (slices: Uint8Array[], gaps: Gaps, positions = inMm(5, room)) => {
    const filled = run(interpolated(slices, 1, room, positions, gaps))
    return slices.map((labels, z) => picture(filled.get(z) ?? labels, room))
  }

  it('fills between the coronal cuts that were painted, through all slices', () => {
    // A bar of 3 slices and 3 columns on the first and the last row.
    const slices = painted((z, y, x) => (y === 0 || y === 3) && z >= 1 && z <= 3 && x >= 6 && x <= 8)
    const bar = Array.from({ length: 4 }, () => '......###......')
    const nothing = Array.from({ length: 4 }, () => '...............')
    expect(filling(slices, { of: 'row', around: 2 })).toEqual([nothing, bar, bar, bar, nothing])
    expect(filling(slices, { of: 'row', around: null })).toEqual([nothing, bar, bar, bar, nothing])
    expect(filling(slices, { of: 'slice', around: null })).toEqual(slices.map((labels) => picture(labels, room)))
  })

  it('fills between sagittal cuts, by the distances of slices that vary', () => {
    // From the three slices inside at column 0 to the middle one at column 4. The third of them is 3 mm from what is
    // not painted, the first of them 1 mm: it goes on for longer.
    const positions = inMm(5, room, { slices: [0, 1, 2, 3, 9] })
    const slices = painted((z, _, x) => (x === 0 && z >= 1 && z <= 3) || (x === 4 && z === 2))
    const found = filling(slices, { of: 'column', around: null }, positions)
    expect(found.map(([first = '']) => first.slice(0, 5))).toEqual(['.....', '##...', '#####', '####.', '.....'])
  })

  it('is exact in two dimensions', () => {
    const area = { rows: 9, columns: 9 }
    const square = (half: number) => Uint8Array.from({ length: 81 }, (_, i) =>
      Math.max(Math.abs((i % 9) - 4), Math.abs(Math.floor(i / 9) - 4)) <= half ? 1 : 0)
    const halfway = (from: number, to: number) => run(interpolated([square(from), square(-1), square(to)], 1, area, inMm(3, area))).get(1)
    expect(picture(halfway(3, 1) ?? map(), area)[4]).toBe('..#####..')
    expect(halfway(2, 2)).toEqual(square(2))
  })
})

describe('long work', () => {
  const blank = (rows: number, columns: number) => new Uint8Array(rows * columns)

  it('rests on slices that hold nothing of the segment', () => {
    const slices = Array.from({ length: 50 }, () => blank(2, 2))
    expect(restsOf(onVolume(slices, 1, { rows: 2, columns: 2 }, grow))).toBe(50)
    expect(restsOf(interpolated(slices, 1, { rows: 2, columns: 2 }, inMm(50, { rows: 2, columns: 2 })))).toBe(50)
  })

  it('rests within a slice while it measures distances', () => {
    const [rows, columns] = [40, 30]
    const slices = [blank(rows, columns).fill(1), blank(rows, columns), blank(rows, columns).fill(1)]
    // Two outlines, each to its inside and its outside, along every line both ways.
    expect(restsOf(interpolated(slices, 1, { rows, columns }, inMm(3, { rows, columns })))).toBeGreaterThan(2 * 2 * (rows + columns))
  })
})
