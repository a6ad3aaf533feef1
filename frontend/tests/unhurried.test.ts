import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { unhurried } from '../src/labeling/useMoving'
import { EMPTY_STATE } from '../src/viewer/emptyState'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const at = (active: number) => ({ ...EMPTY_STATE, active })

it('tells the first of a row at once, few between, and always the last', () => {
  const told: number[] = []
  const tell = unhurried(({ active }) => told.push(active))
  for (let step = 0; step < 12; step += 1) {
    tell(at(step))
    vi.advanceTimersByTime(30)
  }
  expect(told).toEqual([0, 3, 6, 9])
  vi.advanceTimersByTime(100)
  expect(told).toEqual([0, 3, 6, 9, 11])
  vi.advanceTimersByTime(1000)
  expect(told).toHaveLength(5)
  tell(at(20))
  expect(told.at(-1)).toBe(20)
})
