import { expect, it } from 'vitest'
import { ActivityClock } from '../src/labeling/activity'

it('counts visible seconds with recent input and nothing else', () => {
  const clock = new ActivityClock()
  clock.tick(0, true)
  clock.tick(1000, true)
  clock.tick(2000, false)
  expect(clock.take()).toBe(1)
  expect(clock.take()).toBe(0)
})

it('stops after a minute without input and goes on with the next', () => {
  const clock = new ActivityClock()
  clock.tick(0, true)
  clock.tick(70_000, true)
  expect(clock.take()).toBe(0)
  clock.input(70_500)
  clock.tick(71_000, true)
  expect(clock.take()).toBe(1)
})
