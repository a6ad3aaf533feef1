/** Which slices a read is asked to draw on, and the way from one to the next. */
import { describe, expect, it } from 'vitest'
import type { Reading } from '../src/api/client'
import { askedSlices, nextAsked } from '../src/labeling/askedSlices'

const SERIES = '1.2.3'
const instances = ['a', 'b', 'c', 'd', 'e'].map((sop_instance_uid) => ({ sop_instance_uid, number_of_frames: 1 }))

function reading(slices: readonly string[], series: object = { instances }): Reading {
  return {
    study: { series: [{ series_instance_uid: SERIES, ...series }] },
    annotation: { asked: [{ layer: 0, series_instance_uid: SERIES, slices }] },
  } as unknown as Reading
}

const NOTHING = { answers: {} }
const drawnOn = (...places: string[]) => ({
  answers: {},
  masks: [{ layer: 0, series_instance_uid: SERIES, rows: 2, columns: 2, slices: Object.fromEntries(places.map((place) => [place, 'sha'])) }],
})

describe('the slices that are asked for', () => {
  it('come in slice order with their numbers, whatever the order of asking', () => {
    const found = askedSlices(reading(['d:1', 'b:1']), NOTHING)
    expect(found.map(({ sop_instance_uid, slice, isDrawn }) => [sop_instance_uid, slice, isDrawn])).toEqual([['b', 2, false], ['d', 4, false]])
  })

  it('are numbered in the order in which the frames of one object lie', () => {
    const series = { instances: [{ sop_instance_uid: 'm', number_of_frames: 3 }], frame_order: [2, 1, 0] }
    expect(askedSlices(reading(['m:1', 'm:3'], series), NOTHING).map(({ frame, slice }) => [frame, slice])).toEqual([[3, 1], [1, 3]])
  })

  it('are drawn where the layer holds them, and not where another layer or series does', () => {
    expect(askedSlices(reading(['b:1', 'd:1']), drawnOn('b:1', 'c:1')).map(({ isDrawn }) => isDrawn)).toEqual([true, false])
    const other = { answers: {}, masks: [{ ...drawnOn('b:1').masks[0], layer: 1 }] }
    expect(askedSlices(reading(['b:1']), other as never).map(({ isDrawn }) => isDrawn)).toEqual([false])
  })

  it('leave out what the study does not hold', () => {
    expect(askedSlices(reading(['gone:1']), NOTHING)).toEqual([])
    const elsewhere = { ...reading(['b:1']), study: { series: [] } } as unknown as Reading
    expect(askedSlices(elsewhere, NOTHING)).toEqual([])
  })
})

describe('the way from one to the next', () => {
  const slices = askedSlices(reading(['a:1', 'c:1', 'e:1']), drawnOn('a:1'))
  const at = (sop_instance_uid: string) => ({ sop_instance_uid, frame: 1 })

  it('goes round at both ends', () => {
    expect(nextAsked(slices, at('a'), 1)?.slice).toBe(3)
    expect(nextAsked(slices, at('e'), 1)?.slice).toBe(1)
    expect(nextAsked(slices, at('a'), -1)?.slice).toBe(5)
  })

  it('begins from elsewhere with the first that is not drawn, or with the last one', () => {
    expect(nextAsked(slices, at('b'), 1)?.slice).toBe(3)
    expect(nextAsked(slices, null, -1)?.slice).toBe(5)
    expect(nextAsked(askedSlices(reading(['c:1']), drawnOn('c:1')), null, 1)?.slice).toBe(3)
    expect(nextAsked([], null, 1)).toBeUndefined()
  })
})
