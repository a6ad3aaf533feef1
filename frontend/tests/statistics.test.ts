import { describe, expect, it } from 'vitest'
import { measure, type Values } from '../src/viewer/regions/statistics'

/** Five rows of six; the value is 10 x row + column. */
const values: Values = {
  rows: 5, columns: 6, slope: 1, intercept: 0, unit: 'HU',
  data: Int16Array.from({ length: 30 }, (_, i) => 10 * Math.floor(i / 6) + (i % 6)),
}
const box = { kind: 'box', pixels: [[1, 1], [3, 1], [3, 2], [1, 2]] } as const

describe('statistics', () => {
  it('of a box cover the pixels whose centres lie in it', () => {
    // 11 12 13 21 22 23: mean 17; deviations 6 5 4 4 5 6: 154 / 6.
    const { intensities, area } = measure(box, values, [0.5, 2])
    expect(intensities).toMatchObject({ count: 6, minimum: 11, maximum: 23, unit: 'HU' })
    expect(intensities?.mean).toBeCloseTo(17, 12)
    expect(intensities?.sd).toBeCloseTo(Math.sqrt(154 / 6), 12)
    expect(area).toEqual({ value: 2, unit: 'mm²' })
  })

  it('without millimetres are in pixels', () => {
    expect(measure(box, values, null).area).toEqual({ value: 2, unit: 'px²' })
    expect(measure({ kind: 'length', pixels: [[0, 0], [3, 4]] }, values, null).length)
      .toEqual({ value: 5, unit: 'px' })
  })

  it('of a point are its pixel', () => {
    const { intensities, area } = measure({ kind: 'point', pixels: [[3.4, 1.6]] }, values, null)
    expect(intensities).toEqual({ count: 1, mean: 23, sd: 0, minimum: 23, maximum: 23, unit: 'HU' })
    expect(area).toBeNull()
  })

  it('of an ellipse follow its equation', () => {
    // Radii 2 and 1 about (2, 2): the row y = 2 from x = 0 to 4, and (2, 1), (2, 3).
    const pixels = [[2, 3], [2, 1], [0, 2], [4, 2]] as const
    const { intensities, area } = measure({ kind: 'ellipse', pixels }, values, null)
    expect(intensities).toMatchObject({ count: 7, minimum: 12, maximum: 32 })
    expect(intensities?.mean).toBeCloseTo(22, 12)
    expect(area?.value).toBeCloseTo(2 * Math.PI, 12)
  })

  it('of a polygon count concave corners right', () => {
    // An L: columns 0-1 of rows 0-3, and columns 0-3 of rows 2-3.
    const pixels = [[0, 0], [1, 0], [1, 2], [3, 2], [3, 3], [0, 3]] as const
    const { intensities, area, length } = measure({ kind: 'polygon', pixels }, values, [1, 1])
    expect(intensities?.count).toBe(2 + 2 + 4 + 4)
    expect(area?.value).toBe(5)
    expect(length?.value).toBe(12)
  })

  it('of a triangle drawn by hand keep their area with pixels that are no squares', () => {
    const { area, length } = measure({ kind: 'freehand', pixels: [[0, 0], [4, 0], [0, 3]] }, values, [3, 4])
    expect(area).toEqual({ value: 72, unit: 'mm²' })
    expect(length?.value).toBeCloseTo(12 + 12 + Math.hypot(12, 12), 12)
  })

  it('of lines are lengths, of angles degrees, in millimetres', () => {
    const axes = [[0, 0], [0, 3], [0, 0], [2, 0]] as const
    expect(measure({ kind: 'bidirectional', pixels: axes }, null, [2, 1])).toMatchObject({
      length: { value: 4, unit: 'mm' }, width: { value: 3, unit: 'mm' }, intensities: null,
    })
    const arms = [[1, 0], [0, 0], [0, 1]] as const
    expect(measure({ kind: 'angle', pixels: arms }, null, null).angle_degrees).toBeCloseTo(90, 10)
    const skewed = measure({ kind: 'angle', pixels: [[1, 1], [0, 0], [1, 0]] }, null, [1, Math.sqrt(3)])
    expect(skewed.angle_degrees).toBeCloseTo(60, 10)
  })

  it('have the angles of the pixels\' shape where nobody knows their size, and count them', () => {
    const tall = [1, 4 / 3] as const
    const angle = measure({ kind: 'angle', pixels: [[1, 1], [0, 0], [1, 0]] }, null, null, tall)
    expect(angle.angle_degrees).toBeCloseTo(53.13, 2)
    expect(measure({ kind: 'length', pixels: [[0, 0], [3, 4]] }, null, null, tall).length).toEqual({ value: 5, unit: 'px' })
    expect(measure(box, values, null, tall).area).toEqual({ value: 2, unit: 'px²' })
  })

  it('of a line that leaves its frame are its length in the patient, not that of its shadow', () => {
    const line = { kind: 'length', pixels: [[0, 0], [3, 0]], points: [[0, 0, 0], [3, 0, 4]] } as const
    expect(measure(line, null, [1, 1]).length).toEqual({ value: 5, unit: 'mm' })
    expect(measure(line, null, null).length).toEqual({ value: 3, unit: 'px' })
  })

  it('leave out what lies beyond the image', () => {
    const beyond = { kind: 'box', pixels: [[4, 3], [9, 3], [9, 9], [4, 9]] } as const
    expect(measure(beyond, values, null).intensities).toMatchObject({ count: 4, minimum: 34, maximum: 45 })
    const outside = { kind: 'box', pixels: [[7, 7], [9, 7], [9, 9], [7, 9]] } as const
    expect(measure(outside, values, null).intensities).toBeNull()
  })
})
