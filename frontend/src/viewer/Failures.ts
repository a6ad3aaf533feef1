/** What could not be loaded, and when it is asked for again: at growing intervals, and at once when the network is
 * back. Knows images by their ids, and whatever else fails by a name that its owner gives it. */
import * as core from '@cornerstonejs/core'
import { troubleOf, type Trouble } from './messages'

const FIRST_MS = 2_000
const LONGEST_MS = 60_000
const EVENTS = core.Enums.Events
const FAILED = [EVENTS.IMAGE_LOAD_ERROR, EVENTS.IMAGE_LOAD_FAILED]

interface Failure {
  trouble: Trouble
  tries: number
  /** When it may be asked for again. */
  at: number
}

export interface FailureCallbacks {
  /** An image failed, or is there after all. */
  onImage(imageId: string): void
  /** What does not wait any more is to be asked for again. */
  onDue(): void
}

export class Failures {
  private readonly known = new Map<string, Failure>()
  private timer: ReturnType<typeof setTimeout> | undefined

  /** @param network tells `online`: the window. */
  constructor(private readonly callbacks: FailureCallbacks, private readonly network: EventTarget) {
    for (const name of FAILED) core.eventTarget.addEventListener(name, this.imageFailed)
    core.eventTarget.addEventListener(EVENTS.IMAGE_LOADED, this.imageLoaded)
    network.addEventListener('online', this.again)
  }

  /** Why it is not there; null where nothing is known to be wrong. */
  of(key: string | null): Trouble | null {
    return (key !== null && this.known.get(key)?.trouble) || null
  }

  /** Whether it failed a short while ago and is left alone for now. */
  isWaiting(key: string): boolean {
    const failure = this.known.get(key)
    return failure !== undefined && Date.now() < failure.at
  }

  failed(key: string, trouble: Trouble): void {
    if (this.isWaiting(key)) return // one answer is told more than once
    const tries = this.known.get(key)?.tries ?? 0
    this.known.set(key, { trouble, tries: tries + 1, at: Date.now() + Math.min(FIRST_MS * 2 ** tries, LONGEST_MS) })
    this.schedule()
  }

  done(key: string): void {
    this.known.delete(key)
  }

  /** Nothing waits any more, by the reader's wish or because the network is back. */
  readonly again = (): void => {
    if (this.known.size === 0) return
    for (const [key, failure] of this.known) this.known.set(key, { ...failure, tries: 0, at: 0 })
    this.callbacks.onDue()
  }

  clear(): void {
    this.known.clear()
    clearTimeout(this.timer)
  }

  destroy(): void {
    this.clear()
    for (const name of FAILED) core.eventTarget.removeEventListener(name, this.imageFailed)
    core.eventTarget.removeEventListener(EVENTS.IMAGE_LOADED, this.imageLoaded)
    this.network.removeEventListener('online', this.again)
  }

  private schedule(): void {
    clearTimeout(this.timer)
    const now = Date.now()
    const times = [...this.known.values()].map(({ at }) => at).filter((at) => at > now)
    if (times.length === 0) return
    this.timer = setTimeout(() => {
      this.schedule()
      this.callbacks.onDue()
    }, Math.min(...times) - now)
  }

  private readonly imageFailed = (event: Event): void => {
    const { imageId, error } = (event as CustomEvent<{ imageId?: unknown; error?: unknown }>).detail
    if (typeof imageId !== 'string') return // of volumes one of the two events has none
    this.failed(imageId, troubleOf(error))
    this.callbacks.onImage(imageId)
  }

  private readonly imageLoaded = (event: Event): void => {
    const { imageId } = (event as CustomEvent<{ image: { imageId: string } }>).detail.image
    if (!this.known.delete(imageId)) return
    this.callbacks.onImage(imageId)
  }
}
