import { describe, expect, it } from 'vitest'
import {
  areParallel, heightOver, middleOf, nearest, nearestSince, rounded, toPixel, toWorld, type ImagePlane,
} from '../src/viewer/regions/geometry'
import { areSame, cornersForTool, cornersOf, isWhole, thinned } from '../src/viewer/regions/shapes'

/** A sagittal frame, pixels twice as high as wide: x grows to the back (+y), y to the feet (-z). */
const sagittal: ImagePlane = {
  position: [10, -100, 50], row: [0, 1, 0], column: [0, 0, -1], spacing_mm: [0.5, 1],
}

describe('pixels and patient', () => {
  it('puts (0, 0) at the centre of the first pixel, which is ImagePositionPatient', () => {
    expect(toPixel(sagittal, [10, -100, 50])).toEqual([0, 0])
    expect(toWorld(sagittal, [0, 0])).toEqual([10, -100, 50])
  })

  it('takes the spacing between columns along the row, and between rows down the column', () => {
    // By hand: 4 columns of 0.5 mm to the back, 3 rows of 1 mm to the feet.
    expect(toWorld(sagittal, [4, 3])).toEqual([10, -98, 47])
    expect(toPixel(sagittal, [10, -98, 47])).toEqual([4, 3])
  })

  it('comes back through an oblique frame', () => {
    const c = Math.SQRT1_2
    const oblique: ImagePlane = { position: [1, 2, 3], row: [c, c, 0], column: [0, 0, 1], spacing_mm: [0.7, 0.3] }
    const back = toPixel(oblique, toWorld(oblique, [12.25, 7.5]))
    expect(back[0]).toBeCloseTo(12.25, 10)
    expect(back[1]).toBeCloseTo(7.5, 10)
  })

  it('projects a point that lies off the frame and finds the nearest frame', () => {
    expect(toPixel(sagittal, [12, -98, 47])).toEqual([4, 3])
    expect(heightOver(sagittal, [12, -98, 47])).toBe(-2)
    const frames = [0, 3, 6].map((x) => ({ plane: { ...sagittal, position: [x, 0, 0] as const } }))
    expect(nearest(frames, [4.4, 50, 50])).toBe(frames[1])
    expect(nearest([], [0, 0, 0])).toBeNull()
  })

  it('leaves a frame for one that is nearer, and for no other', () => {
    const frames = [0, 3, 6].map((x) => ({ plane: { ...sagittal, position: [x, 0, 0] as const } }))
    const [first, second, third] = frames as [typeof frames[0], typeof frames[0], typeof frames[0]]
    expect(nearestSince(first, frames, [4.4, 50, 50])).toBe(second)
    // In the middle of two, as a line is that ends on both, rounding decides nothing.
    expect(nearestSince(third, frames, middleOf([[3, 0, 0], [5.999, 9, 9]]))).toBe(third)
    expect(nearestSince(second, frames, [4.5005, 0, 0])).toBe(second)
    expect(nearestSince(third, [], [0, 0, 0])).toBe(third)
  })

  it('tells planes through the slices from planes along them', () => {
    expect(areParallel([0, 0, 1], [0, 0, -2])).toBe(true)
    expect(areParallel([0, 0, 1], [0, 1, 0])).toBe(false)
    expect(areParallel([0, 0, 1], [0, 0.1, 1])).toBe(false)
  })

  it('rounds to a thousandth without negative zeros', () => {
    expect(JSON.stringify(rounded([1.23456, -0.0001]))).toBe('[1.235,0]')
  })
})

describe('shapes', () => {
  const box = [[2, 1], [6, 1], [6, 4], [2, 4]] as const
  it('orders the corners of a box from the top left, whichever corner was drawn first', () => {
    const drawn = [
      [0, 1, 3, 2], [1, 0, 2, 3], [2, 3, 1, 0], [3, 2, 0, 1], // each corner, sideways first
      [0, 3, 1, 2], // downwards first, as in a view that was turned
    ]
    for (const [a = 0, b = 0, c = 0, d = 0] of drawn) {
      const corners = [box[a], box[b], box[c], box[d]].filter((p) => p !== undefined)
      expect(cornersOf(corners).map((i) => corners[i])).toEqual(box)
    }
    expect(cornersOf(cornersForTool(box)).map((i) => cornersForTool(box)[i])).toEqual(box)
  })

  it('knows when a shape is whole', () => {
    expect(isWhole('length', [[1, 1], [1, 1]])).toBe(false)
    expect(isWhole('length', [[1, 1], [1, 2]])).toBe(true)
    expect(isWhole('point', [[1, 1]])).toBe(true)
    expect(isWhole('polygon', [[1, 1], [2, 2]])).toBe(false)
    expect(isWhole('angle', [[1, 1], [2, 2]])).toBe(false)
  })

  it('takes an outline for the same in either direction, and a line not', () => {
    const turned = [...box].reverse()
    expect(areSame('polygon', box, turned)).toBe(true)
    expect(areSame('box', box, turned)).toBe(false)
    expect(areSame('polygon', box, [...turned.slice(0, 3), [2, 1.1]])).toBe(false)
  })

  it('thins an outline out to what the contract allows', () => {
    const long = Array.from({ length: 25_000 }, (_, i) => [i, 0] as const)
    expect(thinned(long)).toHaveLength(10_000)
    expect(thinned(long)[1]).toEqual([2, 0])
    expect(thinned(box)).toEqual(box)
  })
})
