/** Skipping, flagging and asking for a second reader: each wants a reason first. */
import { useState } from 'react'
import type { Commands } from './actions'
import { closing } from './afterMasks'
import type { ReadingSession } from './ReadingSession'
import type { Reasoned } from './SkipDialog'
import type { Masks } from './useMasks'
import type { Markable, Talk } from './useTalk'

export interface Reasons {
  /** What is asked for now. */
  what: Reasoned | null
  cancel: () => void
  confirm: (what: Reasoned, reason: string) => void
  commands: Commands
}

export function useReasons(session: ReadingSession, talk: Talk, masks: Masks): Reasons {
  const [what, setWhat] = useState<Reasoned | null>(null)
  const toggle = (kind: Markable) => () => {
    if (talk.marks[kind]) talk.unmark(kind)
    else setWhat(kind)
  }
  return {
    what,
    cancel: () => setWhat(null),
    confirm: (asked, reason) => {
      setWhat(null)
      if (asked === 'skip') void closing(session, masks.after).skip(reason)
      else talk.mark(asked, reason)
    },
    commands: {
      skip: () => setWhat('skip'),
      flag: toggle('flag'),
      second_opinion: toggle('second_opinion'),
    },
  }
}
