/** What a reading session asks of the server, and what it shows of itself. */
import type { Reading, Schemas } from '../api/client'
import type { SaveState } from './autosave'
import { contentOf, type Content } from './content'
import type { Draft, DraftRequests } from './Draft'
import type { Subject } from './questions'
import type { Bytes } from './sliceFormat'

export interface Requests extends DraftRequests {
  claimNext(projectId: string): Promise<Reading | null>
  upcoming(projectId: string): Promise<Schemas['Upcoming'][]>
  /** Resolves to the next case, where there is one. */
  submit(id: string, version: number, content: Content, activeSeconds: number, studyRevision: number): Promise<Reading | null>
  lookAt(caseId: string): Promise<Reading>
  reopen(id: string): Promise<Reading>
  /** Resolves to the lease: a new one where it had ended, and the case was free. */
  heartbeat(assignmentId: string, activeSeconds: number): Promise<Schemas['Assignment']>
  release(assignmentId: string): Promise<void>
  skip(assignmentId: string, reason: string): Promise<void>
  suggestions(caseId: string): Promise<Schemas['Suggestion'][]>
  loadSuggestedMasks(caseId: string, suggestionId: string, layer: number): Promise<Bytes>
}

/** `looking`: somebody's read is on the screen and nothing of it can be changed. */
export type Phase = 'looking' | 'claiming' | 'reading' | 'submitting' | 'leaving' | 'finished' | 'failed'

export interface Snapshot {
  phase: Phase
  reading: Reading | null
  content: Content
  save: SaveState
  /** Whether what is unsaved would be found again in this browser after a crash. */
  isKept: boolean
  /** The steps that undo and redo would take, by action id; null where there is none. */
  undoName: string | null
  redoName: string | null
  /** Under which the case is read. Beside the reading, which stays the same while a lease is taken again: its images
   * would be hung anew. */
  lease: Schemas['Assignment'] | null
  isLeaseLost: boolean
  /** The question that still needs an answer, and what it was asked of. */
  missing: string | null
  missingAt: Subject | null
  /** What the server found wrong with a submission, by the path in the content. */
  problems: Record<string, string>
  /** What models propose, as far as the reader may see it now. */
  suggestions: readonly Schemas['Suggestion'][]
  /** Whether they were asked for since the server has the first impression. */
  isRevealed: boolean
  /** Whether what one of them has painted is still being fetched, to be taken over. */
  isTaking: boolean
  message: string
  /** The reader was told that going away now loses work. */
  isAboutToLose: boolean
  /** The session has ended: what is sent is refused until somebody signs in again. */
  isSignedOut: boolean
  lastSubmitted: string | null
  next: Schemas['Upcoming'] | null
  count: number
}

export const NO_CONTENT: Content = { answers: {} }
export const UNTROUBLED = { missing: null, missingAt: null, problems: {}, message: '', isAboutToLose: false, isSignedOut: false }

export const NOTHING_YET: Snapshot = {
  phase: 'claiming', reading: null, content: NO_CONTENT, save: { kind: 'saved' }, isKept: true, undoName: null,
  redoName: null, lease: null, isLeaseLost: false, ...UNTROUBLED, suggestions: [], isRevealed: false, isTaking: false,
  lastSubmitted: null, next: null, count: 0,
}

export function shownOf({ document }: Draft): Pick<Snapshot, 'content' | 'undoName' | 'redoName'> {
  return { content: document.content, undoName: document.undoName, redoName: document.redoName }
}

/** A case as it is opened. */
export function openedWith(reading: Reading, draft: Draft): Partial<Snapshot> {
  return {
    phase: 'reading', reading, lease: reading.assignment, isLeaseLost: false, save: { kind: 'saved' }, isKept: true,
    ...UNTROUBLED, next: null, suggestions: reading.suggestions, isRevealed: contentOf(reading.annotation.content).first_impression !== undefined,
    isTaking: false, ...shownOf(draft),
  }
}

export function isLeaseLostIn(save: SaveState): boolean {
  return save.kind === 'refused' && save.code === 'lease_lost'
}
