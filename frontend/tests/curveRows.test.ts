/** The rows of the learning curve. */
import { describe, expect, it } from 'vitest'
import { bandOf, rowsOf, seriesOf } from '../src/learning/curveRows'

const point = (labels: number, strategy: string, value: number | null = 0.8, low: number | null = 0.7) => ({
  labels, strategy, value, low, high: low === null ? null : 0.95, number: 1, count: 40,
})

describe('the learning curve', () => {
  it('joins no points of different strategies', () => {
    const points = [point(10, 'margin'), point(20, 'margin'), point(30, 'random'), point(40, 'margin')]
    const { series, keys } = seriesOf(points, 'round')
    expect(keys).toEqual(['round0', 'round0', 'round1', 'round2'])
    expect(series.map(({ isRepeated }) => isRepeated)).toEqual([false, false, true])
  })

  it('has the interval beside each figure, and nothing where nothing could be measured', () => {
    const points = [point(10, 'margin'), point(20, 'margin', 0.8, null), point(30, 'margin', null)]
    const [first, second, ...others] = rowsOf(points, ['a', 'a', 'a'])
    expect(first).toMatchObject({ labels: 10, a: 0.8 })
    expect(first?.['aError']).toEqual([expect.closeTo(0.1), expect.closeTo(0.15)])
    expect(second).toEqual({ labels: 20, a: 0.8, aError: undefined })
    expect(others).toEqual([])
  })

  it('draws the forecast as a band', () => {
    expect(bandOf([point(10, '')])).toEqual([{ labels: 10, forecast: 0.8, band: [0.7, 0.95] }])
  })
})
