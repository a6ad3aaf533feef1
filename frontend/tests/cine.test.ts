import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Cine } from '../src/viewer/cine'

const at = { slice: 1, slices: 3 }
let shown: number[]

beforeEach(() => {
  vi.useFakeTimers()
  at.slice = 1
  shown = []
})
afterEach(() => vi.useRealTimers())

function cine(goTo = (slice: number) => Promise.resolve(slice)): Cine {
  return new Cine(() => at, async (slice) => {
    at.slice = await goTo(slice)
    shown.push(slice)
  })
}

it('plays round and round at its speed', async () => {
  const player = cine()
  player.play(10)
  await vi.advanceTimersByTimeAsync(450)
  expect(shown).toEqual([2, 3, 1, 2])
  expect(player.isPlaying).toBe(true)
})

it('stops at once and for good', async () => {
  const player = cine()
  player.play(10)
  await vi.advanceTimersByTimeAsync(150)
  player.stop()
  await vi.advanceTimersByTimeAsync(1000)
  expect(shown).toEqual([2])
  expect(player.isPlaying).toBe(false)
})

it('waits for a slice that comes slowly, and skips none', async () => {
  const player = cine((slice) => new Promise((done) => setTimeout(() => done(slice), 500)))
  player.play(10)
  await vi.advanceTimersByTimeAsync(1300)
  expect(shown).toEqual([2, 3])
})

it('plays on after a slice that cannot be loaded', async () => {
  let isFirst = true
  const player = cine((slice) => {
    const fails = isFirst
    isFirst = false
    at.slice = slice
    return fails ? Promise.reject(new Error('broken')) : Promise.resolve(slice)
  })
  player.play(10)
  await vi.advanceTimersByTimeAsync(250)
  expect(shown).toEqual([3])
})
