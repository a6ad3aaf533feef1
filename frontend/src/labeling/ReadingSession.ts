/** The life of the reading page: claim, answer, autosave, submit, undo. Plain TypeScript, so that
 * every rule can be tested; the page only draws `snapshot`. */
import { ApiError, Offline, type Reading, type Schemas } from '../api/client'
import type { ActivityClock } from './activity'
import { choose, contentOf, firstMissing, type Content } from './answers'
import { Autosave, type SaveState } from './autosave'
import { Journal, recovery } from './journal'

export interface Requests {
  claimNext(projectId: string): Promise<Reading | null>
  upcoming(projectId: string): Promise<Schemas['Upcoming'][]>
  saveDraft(id: string, version: number, content: Content): Promise<number>
  submit(id: string, version: number, content: Content): Promise<void>
  reopen(id: string): Promise<Reading>
  heartbeat(assignmentId: string, activeSeconds: number): Promise<void>
  release(assignmentId: string): Promise<void>
}

export type Phase = 'claiming' | 'reading' | 'submitting' | 'finished' | 'failed'

export interface Snapshot {
  phase: Phase
  reading: Reading | null
  content: Content
  save: SaveState
  isLeaseLost: boolean
  missing: string | null
  message: string
  lastSubmitted: string | null
  next: Schemas['Upcoming'] | null
  count: number
}

export class ReadingSession {
  private state: Snapshot = {
    phase: 'claiming', reading: null, content: { answers: {} }, save: { kind: 'saved' },
    isLeaseLost: false, missing: null, message: '', lastSubmitted: null, next: null, count: 0,
  }
  private autosave: Autosave | null = null
  private readonly listeners = new Set<() => void>()

  constructor(
    private readonly projectId: string,
    private readonly requests: Requests,
    private readonly journal: Journal,
    private readonly clock: Pick<ActivityClock, 'take'>,
  ) {}

  get snapshot(): Snapshot {
    return this.state
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  readonly getSnapshot = (): Snapshot => this.state

  async claim(): Promise<void> {
    this.set({ phase: 'claiming', message: '' })
    try {
      const reading = await this.requests.claimNext(this.projectId)
      if (reading === null) {
        this.autosave?.close()
        this.set({ phase: 'finished', reading: null, next: null })
      } else {
        this.open(reading)
      }
    } catch (error) {
      this.set({ phase: 'failed', message: explain(error) })
    }
  }

  choose(questionKey: string, option: string): void {
    const question = this.questions().find((q) => q.key === questionKey)
    // With two versions on the screen the reader first says which one holds.
    if (!question || this.state.phase !== 'reading' || this.state.save.kind === 'conflict') return
    const answers = choose(this.state.content.answers, question, option)
    const content = { ...this.state.content, answers }
    this.set({ content, missing: null })
    this.autosave?.change(content)
  }

  /** Hand in and go on; names the question that still needs an answer. */
  async submit(): Promise<void> {
    const { reading, content, phase } = this.state
    if (!reading || !this.autosave || phase !== 'reading') return
    const missing = firstMissing(this.questions(), content.answers)
    if (missing) {
      this.set({ missing: missing.key })
      return
    }
    this.set({ phase: 'submitting', message: '' })
    try {
      await this.autosave.flush()
      await this.sendActivity()
      if (this.state.save.kind === 'conflict') {
        this.set({ phase: 'reading' })
        return
      }
      await this.requests.submit(reading.annotation.id, this.autosave.version, content)
      this.autosave.finish()
      this.set({ lastSubmitted: reading.annotation.id, count: this.state.count + 1 })
    } catch (error) {
      if (!wasHandedIn(error)) {
        this.failedSubmit(error)
        return
      }
      this.autosave.finish()
      this.set({ lastSubmitted: reading.annotation.id, count: this.state.count + 1 })
    }
    await this.claim()
  }

  /** Take back the last submission; the case shown meanwhile returns to the worklist. */
  async undo(): Promise<void> {
    const { lastSubmitted, phase } = this.state
    if (lastSubmitted === null || phase === 'submitting' || phase === 'claiming') return
    try {
      await this.autosave?.flush()
      const reading = await this.requests.reopen(lastSubmitted)
      this.set({ lastSubmitted: null, count: Math.max(this.state.count - 1, 0) })
      this.open(reading)
    } catch (error) {
      this.set({ message: explain(error) })
    }
  }

  /** Keep the lease while the page is open. */
  async beat(): Promise<void> {
    if (this.state.phase === 'reading') await this.sendActivity()
  }

  private async sendActivity(): Promise<void> {
    const assignment = this.state.reading?.assignment
    if (!assignment || this.state.isLeaseLost) return
    try {
      await this.requests.heartbeat(assignment.id, this.clock.take())
    } catch (error) {
      if (isLeaseLost(error) && this.state.reading?.assignment?.id === assignment.id) {
        this.set({ isLeaseLost: true })
      }
    }
  }

  /** Settle a conflict: keep what I have, or take what another tab saved. */
  keepMine(): void {
    const { save, content } = this.state
    if (save.kind === 'conflict') this.autosave?.settle(save.theirs.version, content)
  }

  takeTheirs(): void {
    const { save } = this.state
    if (save.kind !== 'conflict') return
    this.set({ content: contentOf(save.theirs.content) })
    this.autosave?.settle(save.theirs.version, null)
  }

  /** Leave the page: save what waits and give the case back. */
  async leave(): Promise<void> {
    const assignment = this.state.reading?.assignment
    await this.autosave?.flush()
    this.autosave?.close()
    if (assignment && this.state.phase === 'reading') {
      await this.requests.release(assignment.id).catch(() => undefined)
    }
  }

  dispose(): void {
    this.autosave?.close()
    this.listeners.clear()
  }

  questions(): Schemas['Question'][] {
    return this.state.reading?.annotation.schema.definition.questions ?? []
  }

  private open(reading: Reading): void {
    this.autosave?.close()
    this.clock.take() // what was active before belongs to the case before
    const { id, version } = reading.annotation
    const content = contentOf(reading.annotation.content)
    this.autosave = new Autosave(
      id, version, (v, c) => this.requests.saveDraft(id, v, c), this.journal,
      (save) => this.set({ save }),
    )
    this.set({
      phase: 'reading', reading, content, save: { kind: 'saved' }, isLeaseLost: false,
      missing: null, message: '', next: null,
    })
    this.recover(id, version, content)
    void this.lookAhead(reading.case_id)
  }

  /** Work that a crashed page left in the browser comes back by itself, or asks if both changed. */
  private recover(id: string, version: number, content: Content): void {
    const entry = this.journal.read(id)
    const found = recovery(entry, version, content)
    if (entry === null || found === 'nothing') return
    this.set({ content: entry.content })
    if (found === 'restore') this.autosave?.change(entry.content)
    else this.set({ save: { kind: 'conflict', theirs: { version, content } } })
  }

  private failedSubmit(error: unknown): void {
    const theirs = error instanceof ApiError ? error.problem.current : undefined
    this.set({ phase: 'reading', isLeaseLost: isLeaseLost(error) })
    if (theirs) {
      const { version, content } = theirs
      this.set({ save: { kind: 'conflict', theirs: { version, content: contentOf(content) } } })
    } else {
      this.set({ message: explain(error) })
    }
  }

  private async lookAhead(caseId: string): Promise<void> {
    try {
      const coming = await this.requests.upcoming(this.projectId)
      if (this.state.reading?.case_id !== caseId) return
      this.set({ next: coming.find((c) => c.case_id !== caseId) ?? null })
    } catch {
      // Prefetching is a convenience; the claim itself reports what is wrong.
    }
  }

  private set(part: Partial<Snapshot>): void {
    this.state = { ...this.state, ...part }
    for (const listener of this.listeners) listener()
  }
}

/** The answer to an earlier attempt was lost on the way, but the read did arrive. */
function wasHandedIn(error: unknown): boolean {
  const state = error instanceof ApiError ? error.problem.state : undefined
  return state === 'submitted' || state === 'accepted'
}

function isLeaseLost(error: unknown): boolean {
  return error instanceof ApiError && error.problem.code === 'lease_lost'
}

function explain(error: unknown): string {
  if (error instanceof Offline) return 'The server cannot be reached. Your answers are kept here.'
  return error instanceof Error ? error.message : String(error)
}
