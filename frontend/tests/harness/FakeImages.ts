/** The far end of Cornerstone's own loader and cache: images that fail as long as the network is away. */
import * as core from '@cornerstonejs/core'
import { vi } from 'vitest'

export class FakeImages {
  isOffline = true
  readonly asked: string[] = []

  constructor() {
    core.imageLoader.registerImageLoader('fake', (imageId) => {
      this.asked.push(imageId)
      const image = { imageId, sizeInBytes: 1, voxelManager: {} } as unknown as core.Types.IImage
      return { promise: this.isOffline ? Promise.reject(new Error('offline')) : Promise.resolve(image) }
    })
    const put = core.cache.putImageLoadObject.bind(core.cache)
    vi.spyOn(core.cache, 'putImageLoadObject').mockImplementation((imageId, loading) => put(imageId, loading).catch(() => undefined))
  }

  areLoaded(imageIds: readonly string[]): boolean[] {
    return imageIds.map((id) => core.cache.isLoaded(id))
  }

  async load(imageId: string): Promise<void> {
    await core.imageLoader.loadAndCacheImage(imageId)
  }

  forget(): void {
    core.cache.purgeCache()
    vi.restoreAllMocks()
  }
}
