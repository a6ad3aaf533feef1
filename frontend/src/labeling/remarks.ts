/** Comments that are half written, each with its case: another case neither shows nor takes them, and they are there
 * again when theirs comes back. Knows nothing of what was sent. */
import type { PinnedPlace } from '../viewer/types'

export interface Remark {
  text: string
  /** Whether it is pinned to what is in view when it is sent. */
  isPinned: boolean
  /** Where it is pinned; null where nobody has chosen. */
  place: PinnedPlace | null
}

const NOTHING: Remark = { text: '', isPinned: false, place: null }

export class Remarks {
  private readonly byCase = new Map<string, Remark>()
  private readonly listeners = new Set<() => void>()

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  of(caseId: string): Remark {
    return this.byCase.get(caseId) ?? NOTHING
  }

  write(caseId: string, part: Partial<Remark>): void {
    this.byCase.set(caseId, { ...this.of(caseId), ...part })
    this.tell()
  }

  /** The server has it; what was written meanwhile is the next one. */
  sent(caseId: string, text: string): void {
    if (this.of(caseId).text !== text) return
    this.byCase.delete(caseId)
    this.tell()
  }

  isHalfWritten(caseId: string): boolean {
    return this.of(caseId).text.trim() !== ''
  }

  private tell(): void {
    for (const listener of this.listeners) listener()
  }
}

/** Of this tab. */
export const remarks = new Remarks()
