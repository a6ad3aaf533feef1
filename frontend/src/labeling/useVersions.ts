/** Which of two versions of a read is looked at while a conflict waits for a decision. */
import { useMemo, useState } from 'react'
import type { SaveState } from './autosave'
import type { Snapshot } from './ReadingSession'

export interface Versions {
  /** What the page and the images show. */
  shown: Snapshot
  isOther: boolean
  showOther: (isOther: boolean) => void
}

export function useVersions(snapshot: Snapshot): Versions {
  const [looked, look] = useState<SaveState | null>(null)
  const { save } = snapshot
  // The next conflict begins with the reader's own version again.
  const other = save.kind === 'conflict' && looked === save ? save.theirs.content : null
  const shown = useMemo(() => (other ? { ...snapshot, content: other } : snapshot), [snapshot, other])
  return { shown, isOther: other !== null, showOther: (isOther) => look(isOther ? save : null) }
}
