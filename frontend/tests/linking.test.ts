import { expect, it } from 'vitest'
import { edgeLettersFromView, type Vector } from '../src/viewer/geometry'
import { activeIn, layoutForPlanes, shapeOf } from '../src/viewer/layout'
import {
  areParallel, cross, crossSection, nearestIndex, nearestWithin, projected, relativeIndex,
} from '../src/viewer/linking'

it('finds the nearest slice, also in descending order', () => {
  expect(nearestIndex([10, 14, 18, 22], 17)).toBe(2)
  expect(nearestIndex([22, 18, 14, 10], 9)).toBe(3)
  expect(nearestIndex([10, 14], 12)).toBe(0)
})

it('goes the same share of the way without a place in the patient', () => {
  expect(relativeIndex(0, 10, 40)).toBe(0)
  expect(relativeIndex(9, 10, 40)).toBe(39)
  expect(relativeIndex(5, 11, 21)).toBe(10)
  expect(relativeIndex(0, 1, 21)).toBe(10)
})

it('links planes that look along one line, from either side', () => {
  expect(areParallel([0, 0, 1], [0, 0, -1])).toBe(true)
  expect(areParallel([0, 0, 1], [0, 0.17, 0.985])).toBe(true)
  expect(areParallel([0, 0, 1], [1, 0, 0])).toBe(false)
})

it('draws where a plane cuts an image', () => {
  const corners: Vector[] = [[0, 0, 5], [10, 0, 5], [10, 20, 5], [0, 20, 5]]
  expect(crossSection(corners, { point: [4, 0, 0], normal: [1, 0, 0] })).toEqual([
    [4, 0, 5], [4, 20, 5],
  ])
  expect(crossSection(corners, { point: [11, 0, 0], normal: [1, 0, 0] })).toBeNull()
  expect(crossSection(corners, { point: [0, 0, 5], normal: [0, 0, 1] })).toBeNull()
})

it('drops a point into a plane along its normal', () => {
  expect(projected([1, 2, 3], { point: [0, 0, 7], normal: [0, 0, -2] })).toEqual([1, 2, 7])
  expect(cross([1, 0, 0], [0, 1, 0])).toEqual([0, 0, 1])
})

it('turns the codes of a radiograph with the view', () => {
  const codes = ['L', 'F'] as const
  const upright = edgeLettersFromView([1, 0, 0], [0, 1, 0], codes)
  expect(upright).toEqual({ left: 'R', right: 'L', top: 'H', bottom: 'F' })
  const mirrored = edgeLettersFromView([-1, 0, 0], [0, 1, 0], codes)
  expect(mirrored).toEqual({ left: 'L', right: 'R', top: 'H', bottom: 'F' })
  const quarter = edgeLettersFromView([0, -1, 0], [1, 0, 0], codes)
  expect(quarter).toEqual({ left: 'F', right: 'H', top: 'R', bottom: 'L' })
})

it('keeps the active pane inside the grid', () => {
  expect(shapeOf('2x3')).toEqual({ rows: 2, columns: 3, count: 6 })
  expect(activeIn('1x2', 5)).toBe(1)
  expect(activeIn('3x3', 5)).toBe(5)
})

it('puts three planes in a row only where there is room', () => {
  expect(layoutForPlanes(1600, 900)).toBe('1x3')
  expect(layoutForPlanes(1200, 900)).toBe('2x2')
})

it('keeps the middle of a pane on its image', () => {
  const corners: Vector[] = [[0, 0, 5], [10, 0, 5], [10, 20, 5], [0, 20, 5]]
  expect(nearestWithin(corners, [4, 12, 5])).toEqual([4, 12, 5])
  expect(nearestWithin(corners, [-3, 25, 5])).toEqual([0, 20, 5])
  expect(nearestWithin([[1, 2, 3], [1, 2, 3], [1, 2, 3], [1, 2, 3]], [9, 9, 3])).toEqual([1, 2, 3])
})
