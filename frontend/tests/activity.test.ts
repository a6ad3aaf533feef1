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

it('tells no more than can count, after whatever time without a network or asleep', () => {
  const clock = new ActivityClock()
  clock.tick(0, true)
  clock.input(8 * 3_600_000) // the computer slept, and its mouse woke it
  clock.tick(8 * 3_600_000 + 500, true)
  expect(clock.take()).toBe(60)
  for (let day = 0; day < 3; day++) clock.giveBack(80_000)
  expect(clock.take()).toBe(86_400)
  expect(clock.take()).toBe(0)
})

it('keeps a case for half an hour after the last input, and again once there is some', () => {
  const clock = new ActivityClock()
  clock.tick(0, true)
  expect(clock.isAttended(29 * 60_000)).toBe(true)
  expect(clock.isAttended(30 * 60_000)).toBe(false)
  clock.input(50 * 60_000)
  expect(clock.isAttended(51 * 60_000)).toBe(true)
})
