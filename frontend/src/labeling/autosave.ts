/** Saves a draft soon after each change, one request at a time, and keeps it until acknowledged. */
import { ApiError, Offline } from '../api/client'
import type { Content } from './answers'
import type { Journal } from './journal'

export type SaveState =
  | { kind: 'saved' }
  | { kind: 'saving' }
  | { kind: 'offline' }
  | { kind: 'conflict'; theirs: { version: number; content: Content } }
  | { kind: 'refused'; message: string }

/** Sends a draft built on `version`; resolves to the new version. */
export type Send = (version: number, content: Content) => Promise<number>

const DELAY_MS = 400
const RETRY_MS = 3000

export class Autosave {
  private pending: Content | null = null
  private timer: ReturnType<typeof setTimeout> | null = null
  private running: Promise<void> | null = null
  private isClosed = false

  constructor(
    private readonly annotationId: string,
    private currentVersion: number,
    private readonly send: Send,
    private readonly journal: Journal,
    private readonly onState: (state: SaveState) => void,
  ) {}

  get version(): number {
    return this.currentVersion
  }

  /** Remember the change at once in the browser, and on the server a moment later. */
  change(content: Content): void {
    this.pending = content
    this.journal.write(this.annotationId, this.currentVersion, content)
    this.schedule(DELAY_MS)
  }

  /** Send what is waiting now; resolves when nothing is under way any more. */
  async flush(): Promise<void> {
    this.cancelTimer()
    await this.running
    if (this.pending !== null) await this.run()
  }

  /** Take over the server's version (the conflict was settled for it) or write mine over it. */
  settle(version: number, mine: Content | null): void {
    this.currentVersion = version
    if (mine === null) {
      this.pending = null
      this.journal.clear(this.annotationId)
      this.onState({ kind: 'saved' })
    } else {
      this.change(mine)
    }
  }

  /** Stop; what is unsaved stays in the journal. */
  close(): void {
    this.isClosed = true
    this.cancelTimer()
  }

  /** The draft was handed in: nothing is left to save. */
  finish(): void {
    this.pending = null
    this.journal.clear(this.annotationId)
    this.close()
  }

  private schedule(delay: number): void {
    this.cancelTimer()
    if (!this.isClosed) this.timer = setTimeout(() => void this.run(), delay)
  }

  private cancelTimer(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
  }

  private run(): Promise<void> {
    this.running ??= this.save().finally(() => {
      this.running = null
    })
    return this.running
  }

  private async save(): Promise<void> {
    while (this.pending !== null && !this.isClosed) {
      const content = this.pending
      this.onState({ kind: 'saving' })
      try {
        this.currentVersion = await this.send(this.currentVersion, content)
      } catch (error) {
        this.failed(error)
        return
      }
      if (this.pending === content) {
        this.pending = null
        this.journal.clear(this.annotationId)
        this.onState({ kind: 'saved' })
      } else {
        this.journal.write(this.annotationId, this.currentVersion, this.pending)
      }
    }
  }

  private failed(error: unknown): void {
    if (error instanceof ApiError && error.problem.code === 'stale_version' && error.problem.current) {
      const { version, content } = error.problem.current
      this.onState({ kind: 'conflict', theirs: { version, content: content as Content } })
    } else if (error instanceof ApiError) {
      this.onState({ kind: 'refused', message: error.problem.detail })
    } else {
      if (!(error instanceof Offline)) console.error(error)
      this.onState({ kind: 'offline' })
      this.schedule(RETRY_MS)
    }
  }
}
