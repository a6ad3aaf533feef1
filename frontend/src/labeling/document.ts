/** The annotation of the open case as an immutable value with its history; draws and saves nothing. */
import type { Content } from './content'

export const MAX_STEPS = 200

export interface Step {
  /** What was done, as an action id that the page can put into words. */
  action: string
  gesture: string | undefined
  /** The content on the other side of the step. */
  content: Content
  /** Whether its place is kept, but what it does has not come yet. */
  isReserved?: boolean
}

export type Change = (content: Content) => Content

export class ReadingDocument {
  private past: Step[] = []
  private future: Step[] = []
  private readonly listeners = new Set<(content: Content) => void>()

  constructor(private current: Content) {}

  get content(): Content {
    return this.current
  }

  get canUndo(): boolean {
    return this.past.some((step) => !step.isReserved)
  }

  get canRedo(): boolean {
    return this.future.length > 0
  }

  /** The action that undo would take back. */
  get undoName(): string | null {
    return this.past.findLast((step) => !step.isReserved)?.action ?? null
  }

  get redoName(): string | null {
    return this.future.at(-1)?.action ?? null
  }

  readonly subscribe = (listener: (content: Content) => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** One step of the reader. Edits of one gesture (a drag, a slider, typing) undo together. Says
   * whether anything changed. */
  edit(action: string, change: Change, options: { gesture?: string } = {}): boolean {
    const next = change(this.current)
    if (next === this.current) return false
    const last = this.past.at(-1)
    const continues =
      options.gesture !== undefined && last?.gesture === options.gesture && this.future.length === 0
    if (!continues) this.remember({ action, gesture: options.gesture, content: this.current })
    this.future = []
    this.show(next)
    return true
  }

  /** Keep the place of a step that is done, but whose content comes late: what is done meanwhile lies on top of it. */
  reserve(action: string, gesture: string): void {
    this.remember({ action, gesture, content: this.current, isReserved: true })
    this.future = []
  }

  /** Nothing, or no more, comes of the step: where nothing came, its place is free again. */
  giveBack(gesture: string): void {
    this.past = this.past.filter((step) => !step.isReserved || step.gesture !== gesture)
  }

  /** A part of a step that comes late: what was done since builds on it. False where that step is gone, or nothing
   * changes. */
  amend(gesture: string, change: Change): boolean {
    const begun = this.past.findLastIndex((step) => step.gesture === gesture)
    const next = change(this.current)
    if (begun < 0 || next === this.current) return false
    this.past = this.past.map((step, i) => {
      if (i < begun) return step
      return i > begun ? { ...step, content: change(step.content) } : { ...step, isReserved: false }
    })
    this.future = []
    this.show(next)
    return true
  }

  /** A fact that undo must not take back (what was shown, the first impression): it becomes part
   * of every value of the history. */
  stamp(change: Change): void {
    this.past = this.past.map((step) => ({ ...step, content: change(step.content) }))
    this.future = this.future.map((step) => ({ ...step, content: change(step.content) }))
    this.show(change(this.current))
  }

  undo(): boolean {
    const step = this.past.pop()
    if (!step) return false
    this.future.push({ ...step, content: this.current })
    this.show(step.content)
    return true
  }

  redo(): boolean {
    const step = this.future.pop()
    if (!step) return false
    // A redone step is closed: what the same gesture draws next is a step of its own.
    this.past.push({ action: step.action, gesture: undefined, content: this.current })
    this.show(step.content)
    return true
  }

  /** Another version altogether (another tab's, the server's): its history is not ours. */
  replace(content: Content): void {
    this.past = []
    this.future = []
    this.show(content)
  }

  /** Every value that undo or redo can bring back, with the current one. */
  reachable(): Content[] {
    return [...this.past, ...this.future].map((step) => step.content).concat(this.current)
  }

  private remember(step: Step): void {
    this.past.push(step)
    if (this.past.length > MAX_STEPS) this.past.shift()
  }

  private show(content: Content): void {
    this.current = content
    for (const listener of this.listeners) listener(content)
  }
}
