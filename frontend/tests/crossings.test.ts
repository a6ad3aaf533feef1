import { describe, expect, it } from 'vitest'
import { crossings } from '../src/viewer/regions/crossings'
import type { Point3 } from '../src/viewer/regions/geometry'

/** Axial frames at z = 5; the planes are sagittal. */
const UP: Point3 = [0, 0, 1]
const sagittal = (x: number) => ({ point: [x, 0, 0] as const, normal: [1, 0, 0] as const })
const box: Point3[] = [[0, 0, 5], [10, 0, 5], [10, 4, 5], [0, 4, 5]]

describe('where a plane cuts a region', () => {
  it('an area is cut along a line', () => {
    expect(crossings('box', box, UP, sagittal(3))).toEqual([[[3, 0, 5], [3, 4, 5]]])
    expect(crossings('box', box, UP, sagittal(11))).toEqual([])
  })

  it('a plane along the frame cuts nothing', () => {
    expect(crossings('box', box, UP, { point: [0, 0, 5], normal: [0, 0, -1] })).toEqual([])
  })

  it('a concave outline is cut into pieces', () => {
    const u: Point3[] = [[0, 0, 5], [10, 0, 5], [10, 2, 5], [2, 2, 5], [2, 6, 5], [10, 6, 5], [10, 8, 5], [0, 8, 5]]
    const pieces = crossings('polygon', u, UP, sagittal(5))
    expect(pieces.map(([a, b]) => [a[1], b[1]].sort())).toEqual([[0, 2], [6, 8]])
  })

  it('an ellipse is cut where its equation says', () => {
    const ends: Point3[] = [[0, 2, 5], [0, -2, 5], [-4, 0, 5], [4, 0, 5]]
    const [[a, b] = []] = crossings('ellipse', ends, UP, sagittal(2))
    expect(Math.abs(a?.[1] ?? 0)).toBeCloseTo(Math.sqrt(3), 1)
    expect((a?.[1] ?? 0) + (b?.[1] ?? 0)).toBeCloseTo(0, 6)
  })

  it('a line is cut in a point, and not by a plane that holds it', () => {
    const line: Point3[] = [[0, 0, 5], [10, 10, 5]]
    expect(crossings('length', line, UP, sagittal(4))).toEqual([[[4, 4, 5], [4, 4, 5]]])
    const within: Point3[] = [[4, 0, 5], [4, 10, 9]]
    expect(crossings('length', within, UP, sagittal(4))).toEqual([])
  })

  it('the axes of a bidirectional measurement are not joined', () => {
    const axes: Point3[] = [[0, 0, 5], [10, 0, 5], [8, 3, 5], [8, 7, 5]]
    expect(crossings('bidirectional', axes, UP, sagittal(9))).toEqual([[[9, 0, 5], [9, 0, 5]]])
  })
})
