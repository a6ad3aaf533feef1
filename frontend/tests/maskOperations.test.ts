import { describe, expect, it } from 'vitest'
import {
  between, fillHoles, growBy, interpolated, isEmpty, keepLargest, onSegment, shrinkBy, signedDistance,
  smooth, withLocked, type Size,
} from '../src/viewer/masks/operations'

/** A slice as a picture: '.' is nothing, a digit is its label, '#' is 1. */
const map = (...lines: string[]) =>
  Uint8Array.from(lines.join(''), (c) => (c === '.' ? 0 : c === '#' ? 1 : Number(c)))
const size = (...lines: string[]): Size => ({ rows: lines.length, columns: lines[0]?.length ?? 0 })
const picture = (labels: Uint8Array, { columns }: Size) =>
  Array.from({ length: labels.length / columns }, (_, y) =>
    Array.from(labels.subarray(y * columns, (y + 1) * columns), (v) => (v ? '#' : '.')).join(''))

describe('operations on a slice', () => {
  it('keeps the largest piece; corners do not connect', () => {
    const before = ['##...', '##...', '..#..', '...##', '...#.']
    expect(picture(keepLargest(map(...before), size(...before)), size(...before)))
      .toEqual(['##...', '##...', '.....', '.....', '.....'])
    expect(isEmpty(keepLargest(map('...'), size('...')))).toBe(true)
  })

  it('fills what is enclosed, not what is open to the border', () => {
    const before = ['.####.', '.#..#.', '.####.', '.#..#.', '.#..#.']
    expect(picture(fillHoles(map(...before), size(...before)), size(...before)))
      .toEqual(['.####.', '.####.', '.####.', '.#..#.', '.#..#.'])
  })

  it('smooths single pixels and notches away', () => {
    const before = ['#....', '..###', '..#.#', '..###', '.....']
    expect(picture(smooth(map(...before), size(...before)), size(...before)))
      .toEqual(['.....', '...#.', '..###', '...#.', '.....'])
  })

  it('grows and shrinks by the distance in pixels, round at the corners', () => {
    const dot = ['.....', '.....', '..#..', '.....', '.....']
    const grown = growBy(2)(map(...dot), size(...dot))
    expect(picture(grown, size(...dot))).toEqual(['..#..', '.###.', '#####', '.###.', '..#..'])
    expect(picture(growBy(1)(map(...dot), size(...dot)), size(...dot)))
      .toEqual(['.....', '..#..', '.###.', '..#..', '.....'])
    expect(picture(shrinkBy(1)(grown, size(...dot)), size(...dot)))
      .toEqual(['.....', '..#..', '.###.', '..#..', '.....'])
  })

  it('does not shrink at the border of the slice', () => {
    const before = ['###', '###', '...']
    expect(picture(shrinkBy(1)(map(...before), size(...before)), size(...before)))
      .toEqual(['###', '...', '...'])
  })
})

describe('labels', () => {
  it('of other segments are never taken', () => {
    const lines = ['.2.', '211', '.1.']
    const after = onSegment(map(...lines), 1, size(...lines), growBy(1.5))
    expect([...after]).toEqual([1, 2, 1, 2, 1, 1, 1, 1, 1])
  })

  it('of locked segments are neither overwritten nor added to', () => {
    const before = map('1122..')
    const after = map('3312.2')
    expect([...withLocked(before, after, new Set([2]))]).toEqual([3, 3, 2, 2, 0, 0])
    expect([...withLocked(null, map('12'), new Set([2]))]).toEqual([1, 0])
    expect(withLocked(before, after, new Set())).toBe(after)
  })
})

describe('interpolation between slices', () => {
  const line = (from: number, to: number) =>
    Uint8Array.from({ length: 15 }, (_, x) => (x >= from && x <= to ? 1 : 0))
  const row: Size = { rows: 1, columns: 15 }

  it('measures the distance to the outline on both sides', () => {
    expect([...signedDistance(map('..###..'), { rows: 1, columns: 7 })])
      .toEqual([1.5, 0.5, -0.5, -1.5, -0.5, 0.5, 1.5])
  })

  it('finds the shape halfway between a small and a large one', () => {
    // From 7 wide about x = 7 to 3 wide about x = 7: halfway 5 wide.
    expect(between(line(4, 10), line(6, 8), row, 0.5)).toEqual(line(5, 9))
  })

  it('fills gaps only, and leaves painted slices alone', () => {
    const slices = [null, line(3, 11), null, null, null, line(7, 7), line(2, 3), null]
    const filled = interpolated(slices, row)
    expect([...filled.keys()]).toEqual([2, 3, 4])
    expect(filled.get(2)).toEqual(line(4, 10))
    expect(filled.get(3)).toEqual(line(5, 9))
    expect(filled.get(4)).toEqual(line(6, 8))
  })

  it('is exact in two dimensions', () => {
    const square = (half: number) => Uint8Array.from({ length: 81 }, (_, i) =>
      Math.max(Math.abs((i % 9) - 4), Math.abs(Math.floor(i / 9) - 4)) <= half ? 1 : 0)
    const middle = between(square(3), square(1), { rows: 9, columns: 9 }, 0.5)
    expect(picture(middle, { rows: 9, columns: 9 })[4]).toBe('..#####..')
    expect(between(square(2), square(2), { rows: 9, columns: 9 }, 0.3)).toEqual(square(2))
  })
})
