// eslint-disable-next-line no-restricted-imports -- the far end: what its loader and its cache tell
import * as core from '@cornerstonejs/core'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Failures } from '../src/viewer/Failures'
import { Prefetcher } from '../src/viewer/prefetch'
import type { LoadedSeries } from '../src/viewer/loading'

const IMAGES = ['fake:1', 'fake:2', 'fake:3']
const network = new EventTarget()
let isOffline: boolean
let asked: string[]
let failures: Failures
let prefetcher: Prefetcher

core.imageLoader.registerImageLoader('fake', (imageId) => {
  asked.push(imageId)
  const image = { imageId, sizeInBytes: 1, voxelManager: {} } as unknown as core.Types.IImage
  return { promise: isOffline ? Promise.reject(new Error('offline')) : Promise.resolve(image) }
})

beforeEach(() => {
  vi.useFakeTimers()
  isOffline = true
  asked = []
  failures = new Failures({ onImage: () => undefined, onDue: aim }, network)
  prefetcher = new Prefetcher(() => 0, failures)
  const put = core.cache.putImageLoadObject.bind(core.cache)
  vi.spyOn(core.cache, 'putImageLoadObject').mockImplementation((imageId, loading) => put(imageId, loading).catch(() => undefined))
})
afterEach(() => {
  prefetcher.stop()
  failures.destroy()
  core.cache.purgeCache()
  vi.restoreAllMocks()
  vi.useRealTimers()
})

function aim(): void {
  const loaded = { imageIds: IMAGES, frameBytes: 1 } as LoadedSeries
  prefetcher.aim([{ loaded, index: 1 }])
}

it('asks again for what failed, at growing intervals', async () => {
  aim()
  await vi.advanceTimersByTimeAsync(1_900)
  expect(asked).toHaveLength(3)
  aim() // the reader scrolls
  await vi.advanceTimersByTimeAsync(0)
  expect(asked).toHaveLength(3)
  await vi.advanceTimersByTimeAsync(200)
  expect(asked).toHaveLength(6)
  await vi.advanceTimersByTimeAsync(3_800)
  expect(asked).toHaveLength(6)
  isOffline = false
  await vi.advanceTimersByTimeAsync(300)
  expect(asked).toHaveLength(9)
  expect(IMAGES.map((id) => core.cache.isLoaded(id))).toEqual([true, true, true])
  expect(failures.of('fake:1')).toBeNull()
})

it('asks again at once when the network is back', async () => {
  aim()
  await vi.advanceTimersByTimeAsync(10)
  isOffline = false
  network.dispatchEvent(new Event('online'))
  await vi.advanceTimersByTimeAsync(10)
  expect(IMAGES.map((id) => core.cache.isLoaded(id))).toEqual([true, true, true])
})

it('remembers every image that failed, until it is there', async () => {
  aim()
  await vi.advanceTimersByTimeAsync(10)
  expect(IMAGES.map((id) => failures.of(id)?.code)).toEqual(['unknown', 'unknown', 'unknown'])
  isOffline = false
  await core.imageLoader.loadAndCacheImage('fake:2')
  await vi.advanceTimersByTimeAsync(10)
  expect(IMAGES.map((id) => failures.of(id)?.code)).toEqual(['unknown', undefined, 'unknown'])
})
