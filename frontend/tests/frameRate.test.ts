import { expect, it } from 'vitest'
import { rateOf } from '../src/labeling/useCine'
import { frameRateOf } from '../src/viewer/frameRate'

it.each([
  [{ FrameTime: 33.3 }, 30],
  [{ FrameTimeVector: [0, 40, 60] }, 20],
  [{ FrameTime: 33.3, CineRate: 15 }, 15],
  [{ FrameTime: 33.3, CineRate: 15, RecommendedDisplayFrameRate: 8 }, 8],
  [{ FrameTime: 0, FrameTimeVector: [0, 100] }, 10],
  [{ FrameTime: 1 }, 60],
  [{ FrameTime: 5000 }, 1],
  [{}, null],
  [{ NumberOfFrames: 1, FrameTime: 33.3 }, null],
])('%j are %s images a second', (facts, rate) => {
  expect(frameRateOf({ NumberOfFrames: 20, ...facts })).toBe(rate)
})

it('a series plays as its header says until the reader sets another rate for it', () => {
  const set = new Map([['a', 5]])
  expect(rateOf({ series: 'a', stored: 30 }, set)).toBe(5)
  expect(rateOf({ series: 'b', stored: 30 }, set)).toBe(30)
})

it('without a word of the header that which was set last counts', () => {
  expect(rateOf({ series: 'b', stored: null }, new Map())).toBe(10)
  expect(rateOf({ series: 'b', stored: null }, new Map([['a', 5], ['c', 7]]))).toBe(7)
})
