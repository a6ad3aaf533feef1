/** Saves a draft soon after each change, one request at a time, and keeps it until acknowledged. */
import { ApiError, Offline, type Problem } from '../api/client'
import { contentOf, isSameJson, type Content } from './content'
import { explain } from './serverAnswers'

export type SaveState =
  | { kind: 'saved' }
  | { kind: 'saving' }
  | { kind: 'offline' }
  /** The server answered with trouble of its own: tried again, at growing intervals. */
  | { kind: 'troubled'; status: number; message: string }
  /** Tried again as well: somebody may sign in in another tab. */
  | { kind: 'signed_out' }
  /** A stroke is on the screen alone: tried again by itself, and nothing is handed in without it. */
  | { kind: 'unkept'; message: string }
  /** What was sent is wrong, or not allowed: the next change tries again. */
  | { kind: 'conflict'; theirs: { version: number; content: Content } }
  | { kind: 'refused'; message: string; code: string; fields: Record<string, string> }

/** The far ends of saving: the browser's journal and the server. */
export interface SavePorts {
  /** Remember unsaved work at once. */
  keep(version: number, content: Content): void
  /** Resolves when what was kept is safe from a crash, or cannot be. */
  kept(): Promise<void>
  /** Send a draft built on `version`; resolves to the new version. */
  send(version: number, content: Content): Promise<number>
  /** The server has everything, or what is unsaved was given up. */
  done(): void
  onState(state: SaveState): void
}

const DELAY_MS = 400
/** A reader who never pauses is saved all the same. */
const LONGEST_DELAY_MS = 1500
const RETRY_MS = 3000
/** A server in trouble is not helped by being asked every three seconds. */
const LONGEST_RETRY_MS = 60_000
const SIGNED_OUT = 401
/** Request timeout, too early, too many requests; from 500 on it is the server's own trouble. */
const PASSING = [408, 425, 429]

export class Autosave {
  private pending: Content | null = null
  private waitingSince: number | null = null
  private timer: ReturnType<typeof setTimeout> | null = null
  private running: Promise<void> | null = null
  /** Sent without an answer: a server that died meanwhile may have saved one of them. */
  private unanswered: Content[] = []
  /** How often in a row the server was in trouble; until then no change makes it be asked sooner. */
  private troubles = 0
  private notBefore = 0
  /** Whether a trouble is on the screen: another attempt does not take it away. */
  private isTroubled = false
  private isClosed = false
  /** Nothing is sent: a submission is under way. */
  private isResting = false

  constructor(private currentVersion: number, private readonly ports: SavePorts) {}

  get version(): number {
    return this.currentVersion
  }

  get isIdle(): boolean {
    return this.pending === null && this.running === null
  }

  /** Remember the change at once in the browser, and on the server a moment later. */
  change(content: Content): void {
    this.pending = content
    this.ports.keep(this.currentVersion, content)
    this.waitingSince ??= Date.now()
    const left = this.waitingSince + LONGEST_DELAY_MS - Date.now()
    this.schedule(Math.max(0, Math.min(DELAY_MS, left)))
  }

  /** Send what is waiting now; resolves when nothing is under way any more. */
  async flush(): Promise<void> {
    this.cancelTimer()
    await this.running
    if (this.pending !== null && !this.isResting) await this.run()
  }

  /** For a submission, which carries the content itself: wait for what is under way and send nothing more, unless an
   * earlier save had trouble and must be settled first. Until `resume`, `settle` or `finish`. */
  async rest(): Promise<void> {
    this.isResting = true
    this.cancelTimer()
    await this.running
    if (this.pending !== null && this.unanswered.length > 0) await this.run()
  }

  /** The submission failed: what is unsaved is sent a little later, but for a conflict, which is settled first. */
  resume(isConflict: boolean): void {
    this.isResting = false
    if (this.pending !== null && !isConflict) this.schedule(RETRY_MS)
  }

  /** The page goes away: what is waiting is sent at once by `send`, whose answer nobody may hear. */
  leave(send: (version: number, content: Content) => void): void {
    const { pending } = this
    if (pending === null || this.running || this.isClosed || this.isResting) return
    this.unanswered.push(pending)
    send(this.currentVersion, pending)
  }

  /** Take over the server's version (the conflict was settled for it) or write mine over it. */
  settle(version: number, mine: Content | null): void {
    this.isResting = false
    this.buildOn(version)
    if (mine === null) {
      this.pending = null
      this.ports.done()
      this.ports.onState({ kind: 'saved' })
    } else {
      this.change(mine)
      this.ports.onState({ kind: 'saving' }) // the conflict is over
    }
  }

  /** What is sent next replaces this version: all that the server has is known here. */
  buildOn(version: number): void {
    this.currentVersion = version
    this.unanswered = []
  }

  /** Stop; what is unsaved stays in the journal. */
  close(): void {
    this.isClosed = true
    this.cancelTimer()
  }

  /** The draft was handed in: nothing is left to save. */
  finish(): void {
    this.pending = null
    this.ports.done()
    this.close()
  }

  private schedule(delay: number): void {
    this.cancelTimer()
    if (this.isClosed || this.isResting) return
    this.timer = setTimeout(() => void this.run(), Math.max(delay, this.notBefore - Date.now()))
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
      this.waitingSince = null
      if (!this.isTroubled) this.ports.onState({ kind: 'saving' })
      try {
        await this.ports.kept()
        this.currentVersion = await this.ports.send(this.currentVersion, content)
      } catch (error) {
        if (this.hadArrived(error)) continue
        this.failed(error, content)
        return
      }
      this.unanswered = []
      this.recovered()
      this.saved(content)
    }
  }

  private recovered(): void {
    this.troubles = 0
    this.notBefore = 0
    this.isTroubled = false
  }

  private saved(content: Content): void {
    if (this.pending === content) {
      this.pending = null
      this.ports.done()
      this.ports.onState({ kind: 'saved' })
    } else if (this.pending !== null) {
      this.ports.keep(this.currentVersion, this.pending)
    }
  }

  /** What the server has instead is what we wanted to send, or an earlier save of ours whose answer was lost: go on from
   * there. */
  private hadArrived(error: unknown): boolean {
    const current = error instanceof ApiError ? error.problem.current : undefined
    if (!current || ![...this.unanswered, this.pending].some((sent) => isSameJson(sent, current.content))) return false
    this.buildOn(current.version)
    return true
  }

  private failed(error: unknown, content: Content): void {
    const problem = error instanceof ApiError ? error.problem : null
    const waits = problem === null || problem.status === SIGNED_OUT || isPassing(problem.status)
    if (waits) {
      if (this.unanswered.at(-1) !== content) this.unanswered.push(content)
      this.retry(error, problem)
      return
    }
    this.recovered()
    if (problem.code === 'stale_version' && problem.current) {
      const { version, content: theirs } = problem.current
      this.ports.onState({ kind: 'conflict', theirs: { version, content: contentOf(theirs) } })
    } else {
      const { code, fields } = problem
      this.ports.onState({ kind: 'refused', message: explain(error), code, fields: fields ?? {} })
    }
  }

  private retry(error: unknown, problem: Problem | null): void {
    this.isTroubled = true
    if (problem === null) {
      if (!(error instanceof Offline)) console.error(error)
      this.ports.onState({ kind: 'offline' })
      this.schedule(RETRY_MS)
      return
    }
    const { status } = problem
    const message = explain(error)
    this.ports.onState(status === SIGNED_OUT ? { kind: 'signed_out' } : { kind: 'troubled', status, message })
    const wait = Math.min(RETRY_MS * 2 ** this.troubles, LONGEST_RETRY_MS)
    this.troubles++
    this.notBefore = Date.now() + wait
    this.schedule(wait)
  }
}

function isPassing(status: number): boolean {
  return status >= 500 || PASSING.includes(status)
}
