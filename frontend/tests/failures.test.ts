import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Failures } from '../src/viewer/Failures'
import { Prefetcher } from '../src/viewer/prefetch'
import type { LoadedSeries } from '../src/viewer/loading'
import { FakeImages } from './harness/FakeImages'

const IMAGES = ['fake:1', 'fake:2', 'fake:3']
const network = new EventTarget()
let images: FakeImages
let failures: Failures
let prefetcher: Prefetcher

beforeEach(() => {
  vi.useFakeTimers()
  images = new FakeImages()
  failures = new Failures({ onImage: () => undefined, onDue: aim }, network)
  prefetcher = new Prefetcher(() => 0, failures)
})
afterEach(() => {
  prefetcher.stop()
  failures.destroy()
  images.forget()
  vi.useRealTimers()
})

function aim(): void {
  const loaded = { imageIds: IMAGES, frameBytes: 1 } as LoadedSeries
  prefetcher.aim([{ loaded, index: 1 }])
}

it('asks again for what failed, at growing intervals', async () => {
  aim()
  await vi.advanceTimersByTimeAsync(1_900)
  expect(images.asked).toHaveLength(3)
  aim() // the reader scrolls
  await vi.advanceTimersByTimeAsync(0)
  expect(images.asked).toHaveLength(3)
  await vi.advanceTimersByTimeAsync(200)
  expect(images.asked).toHaveLength(6)
  await vi.advanceTimersByTimeAsync(3_800)
  expect(images.asked).toHaveLength(6)
  images.isOffline = false
  await vi.advanceTimersByTimeAsync(300)
  expect(images.asked).toHaveLength(9)
  expect(images.areLoaded(IMAGES)).toEqual([true, true, true])
  expect(failures.of('fake:1')).toBeNull()
})

it('asks again at once when the network is back', async () => {
  aim()
  await vi.advanceTimersByTimeAsync(10)
  images.isOffline = false
  network.dispatchEvent(new Event('online'))
  await vi.advanceTimersByTimeAsync(10)
  expect(images.areLoaded(IMAGES)).toEqual([true, true, true])
})

it('remembers every image that failed, until it is there', async () => {
  aim()
  await vi.advanceTimersByTimeAsync(10)
  expect(IMAGES.map((id) => failures.of(id)?.code)).toEqual(['unknown', 'unknown', 'unknown'])
  images.isOffline = false
  await images.load('fake:2')
  await vi.advanceTimersByTimeAsync(10)
  expect(IMAGES.map((id) => failures.of(id)?.code)).toEqual(['unknown', undefined, 'unknown'])
})
