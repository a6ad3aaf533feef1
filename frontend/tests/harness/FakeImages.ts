/** The far end of Cornerstone's own loader and cache: images that fail as long as the network is away, or never come. */
import * as core from '@cornerstonejs/core'
import { vi } from 'vitest'
import { failWhenSilent } from '../../src/viewer/silence'

export class FakeImages {
  isOffline = true
  /** Nothing is answered. */
  isSilent = false
  /** What has come of the image that was asked for last. */
  coming = new core.utilities.ProgressiveIterator('fake')
  readonly asked: string[] = []

  constructor() {
    core.imageLoader.registerImageLoader('fake', (imageId) => {
      this.asked.push(imageId)
      const image = { imageId, sizeInBytes: 1, voxelManager: {} } as unknown as core.Types.IImage
      if (this.isSilent) return { promise: this.comingNow() }
      return { promise: this.isOffline ? Promise.reject(new Error('offline')) : Promise.resolve(image) }
    })
    const put = core.cache.putImageLoadObject.bind(core.cache)
    vi.spyOn(core.cache, 'putImageLoadObject').mockImplementation((imageId, loading) => {
      failWhenSilent(imageId, loading.promise)
      return put(imageId, loading).catch(() => undefined)
    })
  }

  areLoaded(imageIds: readonly string[]): boolean[] {
    return imageIds.map((id) => core.cache.isLoaded(id))
  }

  async load(imageId: string): Promise<void> {
    await core.imageLoader.loadAndCacheImage(imageId)
  }

  /** As when bytes of it come. */
  tellProgress(imageId: string): void {
    core.triggerEvent(core.eventTarget, 'cornerstoneimageloadprogress', { imageId })
  }

  forget(): void {
    core.cache.purgeCache()
    vi.restoreAllMocks()
  }

  private comingNow(): Promise<core.Types.IImage> {
    this.coming = new core.utilities.ProgressiveIterator('fake')
    return this.coming.getDonePromise() as Promise<core.Types.IImage>
  }
}
