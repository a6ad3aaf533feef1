import { expect, it } from 'vitest'
import {
  isSameWindow, percentile, presetsFor, rangeOf, windowBetween, windowOf, windowOfRange,
} from '../src/viewer/presets'

const values = Array.from({ length: 101 }, (_, value) => value)

it('gives CT its windows on the first keys and the image its own after them', () => {
  const presets = presetsFor('CT', [{ center: 50, width: 350 }])
  expect(presets.map(({ key, name }) => `${key} ${name}`)).toEqual([
    '1 soft_tissue', '2 lung', '3 liver', '4 bone', '5 brain', '6 image', '7 full', '8 wide',
    '9 narrow',
  ])
  expect(presets[1]?.window).toEqual({ center: -600, width: 1500 })
})

it('begins with the stored windows where values have no unit', () => {
  const stored = [{ center: 1, width: 2 }, { center: 3, width: 4 }]
  const names = presetsFor('MR', stored).map(({ name }) => name)
  expect(names).toEqual(['image', 'image_2', 'full', 'wide', 'narrow'])
})

it('never needs a tenth key', () => {
  const stored = Array.from({ length: 20 }, (_, center) => ({ center, width: 1 }))
  expect(presetsFor('MR', stored).map(({ key }) => key)).toEqual('123456789'.split(''))
})

it('measures percentiles as NumPy does', () => {
  // numpy.percentile([1, 2, 4, 8], [0, 10, 50, 90, 100])
  const sorted = [1, 2, 4, 8]
  const found = [0, 10, 50, 90, 100].map((percent) => percentile(sorted, percent))
  expect(found.map((value) => Number(value.toFixed(6)))).toEqual([1, 1.3, 3, 6.8, 8])
})

it('opens the window between two percentiles, whatever the order and the gaps', () => {
  const shuffled = [...values].reverse().concat(NaN)
  expect(windowBetween(shuffled, 20, 98)).toEqual({ center: 59, width: 78 })
  expect(windowBetween([7, 7, 7], 1, 99)).toEqual({ center: 7, width: 1 })
  expect(windowBetween([NaN], 1, 99)).toBeNull()
})

it('reads values only for percentiles', () => {
  const [soft] = presetsFor('CT', [])
  const never = () => {
    throw new Error('read')
  }
  expect(soft && windowOf(soft, never)).toEqual({ center: 40, width: 400 })
  const full = presetsFor('MR', []).find(({ name }) => name === 'full')
  expect(full && windowOf(full, () => values)).toEqual({ center: 50, width: 100 })
})

it('counts whole units as DICOM does, and fractions exactly', () => {
  // PS3.3 C.11.2.1.2.1: black at center - 0.5 - (width - 1) / 2
  expect(rangeOf({ center: 40, width: 400 })).toEqual({ lower: -160, upper: 239 })
  expect(rangeOf({ center: 2.5, width: 5 })).toEqual({ lower: 0, upper: 5 })
  for (const window of [{ center: 40, width: 400 }, { center: 2.5, width: 5 }, { center: 0, width: 16 }]) {
    expect(windowOfRange(rangeOf(window))).toEqual(window)
  }
})

it('windows of the header count as its function says, however narrow they are, and keep its numbers', () => {
  // As Cornerstone opens the image: utilities/windowLevel.toLowHighRange.
  const stored = [{ center: 1, width: 2, rule: 'LINEAR' }, { center: 40, width: 400, rule: 'LINEAR_EXACT' }] as const
  expect(stored.map(rangeOf)).toEqual([{ lower: 0, upper: 1 }, { lower: -160, upper: 240 }])
  expect(stored.map((window) => windowOfRange(rangeOf(window), stored))).toEqual([{ center: 1, width: 2 }, { center: 40, width: 400 }])
  expect(windowOfRange({ lower: 0, upper: 2 }, stored)).toEqual({ center: 1, width: 2 })
})

it('tells windows apart by what an eye would notice', () => {
  expect(isSameWindow({ center: 40, width: 400 }, { center: 40.1, width: 400 })).toBe(true)
  expect(isSameWindow({ center: 40, width: 400 }, { center: 45, width: 400 })).toBe(false)
})
