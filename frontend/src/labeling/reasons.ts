/** PURE. A reason that is asked for belongs to one case: another may come onto the screen while it is typed. */
import type { Snapshot } from './sessionState'

export const REASONED = ['skip', 'flag', 'second_opinion'] as const
export type Reasoned = (typeof REASONED)[number]

export interface AskedReason {
  what: Reasoned
  caseId: string
}

/** `going`: it is being handed in, or on its way out otherwise, and may yet stay. */
export type Standing = 'open' | 'going' | 'gone'

export function standingOf({ caseId }: AskedReason, { reading, phase }: Pick<Snapshot, 'reading' | 'phase'>): Standing {
  if (reading?.case_id !== caseId) return 'gone'
  return phase === 'reading' ? 'open' : 'going'
}

/** A case that has gone can still be marked; skipped is only the one that is open. */
export function mayConfirm({ what }: AskedReason, standing: Standing): boolean {
  return what !== 'skip' || standing === 'open'
}
