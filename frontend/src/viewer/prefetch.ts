/** Fetches the frames around the eye ahead of it, only as many as the memory holds; then what the next case needs. */
import * as core from '@cornerstonejs/core'
import type { AheadFrame } from './ahead'
import { framesAhead, nearestFirst, roomFor } from './budget'
import type { Failures } from './Failures'
import type { LoadedSeries } from './loading'

/** Requests cannot be taken back once sent: few at a time keep the way free for what is looked at. */
const AT_ONCE = 4

export interface Watched {
  loaded: LoadedSeries
  index: number
}

interface Aiming {
  picture: { readonly volumeId: string | null; index(): number } | null
  loaded: LoadedSeries | null
}

/** Nothing of a volume: it loads itself. */
export function aimOf({ picture, loaded }: Aiming): Watched[] {
  return picture && loaded && picture.volumeId === null ? [{ loaded, index: picture.index() }] : []
}

export class Prefetcher {
  private queue: string[] = []
  /** Of the next case: one at a time, once nothing of this one waits. */
  private later: AheadFrame[] = []
  private running = 0

  constructor(private readonly heldBytes: () => number, private readonly failures: Pick<Failures, 'isWaiting'>) {}

  /** What is on the screen, the active pane first. */
  aim(watched: readonly Watched[]): void {
    const stacks = watched.map(({ loaded }) => ({
      frameBytes: loaded.frameBytes, frames: loaded.imageIds.length,
    }))
    const counts = framesAhead(stacks, core.cache.getMaxCacheSize(), this.heldBytes())
    this.queue = watched.flatMap(({ loaded, index }, place) =>
      nearestFirst(index, loaded.imageIds.length, counts[place] ?? 0)
        .map((frame) => loaded.imageIds[frame] ?? '')
        .filter((id) => !core.cache.isLoaded(id) && !this.failures.isWaiting(id)),
    )
    this.pump()
  }

  /** What the next case needs, the most urgent first; as much of it as there is room for when it is its turn. */
  prepare(frames: readonly AheadFrame[]): void {
    this.later = [...frames]
    this.pump()
  }

  stop(): void {
    this.queue = []
    this.later = []
  }

  private pump(): void {
    while (this.running < AT_ONCE) {
      const next = this.queue.shift() ?? (this.running === 0 ? this.nextLater() : undefined)
      if (next === undefined) return
      this.running++
      void this.fetch(next).finally(() => {
        this.running--
        this.pump()
      })
    }
  }

  /** It never takes the place of what this case holds. */
  private nextLater(): string | undefined {
    const frame = this.later.shift()
    if (!frame) return undefined
    if (roomFor(frame.bytes, core.cache.getMaxCacheSize(), core.cache.getCacheSize())) return frame.imageId
    this.later = []
    return undefined
  }

  private async fetch(imageId: string): Promise<void> {
    if (core.cache.isLoaded(imageId)) return
    try {
      await core.imageLoader.loadAndCacheImage(imageId)
    } catch {
      // It is asked for again when its time has come; whoever scrolls to it is told what is wrong.
    }
  }
}
