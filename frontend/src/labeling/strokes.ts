/** Strokes on their way into the document, one after the other. One that cannot be kept is tried again, and holds up
 * those after it: they may lie on the same slices. */

export interface Waiting {
  keep(): Promise<void>
  /** It never will be kept. */
  drop(): void
}

const RETRY_MS = 3000

export class Strokes {
  private readonly waiting: Waiting[] = []
  private work: Promise<void> = Promise.resolve()
  private timer: ReturnType<typeof setTimeout> | null = null
  private trouble: unknown = null

  /** @param onTrouble why the stroke that comes next could not be kept; null once it is */
  constructor(private readonly onTrouble: (trouble: unknown) => void) {}

  /** Whether all that was painted is kept, or was given up. */
  get isIdle(): boolean {
    return this.waiting.length === 0
  }

  add(stroke: Waiting): void {
    this.waiting.push(stroke)
    void this.then(() => this.drain())
  }

  /** Do this once what was painted before has been tried. */
  then<T>(act: () => Promise<T>): Promise<T> {
    const done = this.work.then(act)
    this.work = done.then(() => undefined, () => undefined)
    return done
  }

  /** Resolves when what was painted so far is kept, or could not be. */
  tried(): Promise<void> {
    return this.work
  }

  /** The same, but what could not be kept is tried once more. */
  again(): Promise<void> {
    return this.trouble === null ? this.work : this.then(() => this.drain())
  }

  /** Give up the last one that could not be kept; whether there was one. */
  giveUpLast(): boolean {
    const last = this.trouble === null ? undefined : this.waiting.pop()
    last?.drop()
    if (last && this.waiting.length === 0) this.tell(null)
    return last !== undefined
  }

  close(): void {
    this.cancel()
  }

  private async drain(): Promise<void> {
    this.cancel()
    for (let next = this.waiting[0]; next; next = this.waiting[0]) {
      try {
        await next.keep()
      } catch (error) {
        this.tell(error)
        this.timer = setTimeout(() => void this.again(), RETRY_MS)
        return
      }
      this.waiting.shift()
    }
    this.tell(null)
  }

  private tell(trouble: unknown): void {
    if (trouble === this.trouble) return
    this.trouble = trouble
    this.onTrouble(trouble)
  }

  private cancel(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
  }
}
