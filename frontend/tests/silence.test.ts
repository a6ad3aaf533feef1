import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Prefetcher } from '../src/viewer/prefetch'
import { abortWhenSilent, SILENCE_MS } from '../src/viewer/silence'
import { FakeImages } from './harness/FakeImages'

const SHORTLY = SILENCE_MS - 1_000
let images: FakeImages

beforeEach(() => {
  vi.useFakeTimers()
  images = new FakeImages()
  images.isOffline = false
  images.isSilent = true
})
afterEach(() => {
  images.forget()
  vi.useRealTimers()
})

/** Ask for an image; what became of it. */
function load(imageId: string): { outcome: string } {
  const asked = { outcome: 'waits' }
  images.load(imageId).then(() => (asked.outcome = 'loaded'), (error: unknown) => (asked.outcome = String(error)))
  return asked
}

it('gives up an image that never comes, so that it can be asked for again', async () => {
  const first = load('fake:1')
  await vi.advanceTimersByTimeAsync(SHORTLY)
  expect(first.outcome).toBe('waits')
  await vi.advanceTimersByTimeAsync(1_000)
  expect(first.outcome).toContain('late')
  images.isSilent = false
  const again = load('fake:1')
  await vi.advanceTimersByTimeAsync(0)
  expect(again.outcome).toBe('loaded')
  expect(images.asked).toEqual(['fake:1', 'fake:1'])
})

it('waits on while bytes or parts of it come', async () => {
  const asked = load('fake:1')
  await vi.advanceTimersByTimeAsync(SHORTLY)
  images.tellProgress('fake:1')
  await vi.advanceTimersByTimeAsync(SHORTLY)
  images.coming.add({ imageId: 'fake:1' })
  await vi.advanceTimersByTimeAsync(SHORTLY)
  expect(asked.outcome).toBe('waits')
  images.tellProgress('fake:2')
  await vi.advanceTimersByTimeAsync(1_000)
  expect(asked.outcome).toContain('late')
})

it('fetches ahead what comes after an image that never comes', async () => {
  const prefetcher = new Prefetcher(() => 0, { isWaiting: () => false })
  prefetcher.prepare(['fake:1', 'fake:2', 'fake:3'].map((imageId) => ({ imageId, bytes: 1 })))
  await vi.advanceTimersByTimeAsync(0)
  images.isSilent = false
  await vi.advanceTimersByTimeAsync(SILENCE_MS)
  expect(images.areLoaded(['fake:1', 'fake:2', 'fake:3'])).toEqual([false, true, true])
})

it('ends a request that is silent, and no other', async () => {
  const request = () => Object.assign(new EventTarget(), { abort: vi.fn() })
  const [silent, slow, done] = [request(), request(), request()]
  for (const one of [silent, slow, done]) abortWhenSilent(one)
  done.dispatchEvent(new Event('loadend'))
  await vi.advanceTimersByTimeAsync(SHORTLY)
  slow.dispatchEvent(new Event('progress'))
  await vi.advanceTimersByTimeAsync(SHORTLY)
  expect([silent, slow, done].map(({ abort }) => abort.mock.calls.length)).toEqual([1, 0, 0])
})
