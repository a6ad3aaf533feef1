import { expect, it } from 'vitest'
import { isUntold } from '../src/learning/model/untold'

const gap = { value: -0.1, low: -0.2, high: 0.05 }
const none = { value: null, low: null, high: null }

it('says that a gap could not be tested, not that it is chance', () => {
  expect(isUntold({ p: null, gap })).toBe(true)
  expect(isUntold({ p: 0.4, gap })).toBe(false)
})

it('says nothing of a group beside which there is nobody', () => {
  expect(isUntold({ p: null, gap: none })).toBe(false)
})
