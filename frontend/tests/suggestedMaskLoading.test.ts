import { expect, it, vi } from 'vitest'
import { SuggestedMasks } from '../src/viewer/masks/SuggestedMasks'
import type { MaskLayer, PaneHost, PaneView } from '../src/viewer/types'

it('says once that suggested masks cannot be loaded, and tries again at growing intervals', async () => {
  vi.useFakeTimers()
  const view = { series: { series_instance_uid: 's' }, volumeId: null, imageIds: [] } as unknown as PaneView
  const host: PaneHost = { state: { active: 0, tool: 'window' }, views: () => [view], onViews: () => () => undefined }
  const mask: MaskLayer = { layer: 0, series_instance_uid: 's', rows: 1, columns: 1, slices: { '1:1': 'sha' } }
  const troubles: unknown[] = []
  const read = vi.fn(() => Promise.reject(new Error('away')))
  const suggested = new SuggestedMasks(host, (error) => troubles.push(error))
  await suggested.show([mask], [], read)
  expect(troubles).toEqual([new Error('away')])
  await vi.advanceTimersByTimeAsync(2100)
  expect(read).toHaveBeenCalledTimes(2)
  await vi.advanceTimersByTimeAsync(2100)
  expect(read).toHaveBeenCalledTimes(2)
  await vi.advanceTimersByTimeAsync(2100)
  expect(read).toHaveBeenCalledTimes(3)
  expect(troubles).toHaveLength(1)
  suggested.destroy()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(read).toHaveBeenCalledTimes(3)
})
