/** Skipping, flagging and asking for a second reader: each wants a reason first. */
import { useState } from 'react'
import { t } from '../i18n'
import { showNotice } from '../ui/notify'
import type { Commands } from './actions'
import { closing } from './afterMasks'
import type { ReadingSession, Snapshot } from './ReadingSession'
import { standingOf, type AskedReason, type Standing } from './reasons'
import type { Masks } from './useMasks'
import type { Markable, Talk } from './useTalk'

export interface Reasons {
  /** What is asked for now; null where nothing is. */
  asked: AskedReason | null
  /** Whether its case is still the open one. */
  standing: Standing
  cancel: () => void
  confirm: (asked: AskedReason, reason: string) => void
  commands: Commands
}

export function useReasons(session: ReadingSession, snapshot: Snapshot, talk: Talk, masks: Masks): Reasons {
  const [asked, ask] = useState<AskedReason | null>(null)
  const { reading, phase } = snapshot
  const caseId = phase === 'reading' ? reading?.case_id : undefined
  const skip = async (reason: string) => {
    const isInTime = await closing(session, masks.after).skip(reason)
    if (!isInTime) showNotice(t('reason.skip_gone'))
  }
  const toggle = (kind: Markable, of: string) => () => {
    if (talk.marks[kind]) talk.unmark(kind)
    else ask({ what: kind, caseId: of })
  }
  return {
    asked,
    standing: asked ? standingOf(asked, snapshot) : 'open',
    cancel: () => ask(null),
    confirm: (confirmed, reason) => {
      ask(null)
      if (confirmed.what === 'skip') void skip(reason)
      else talk.mark(confirmed.caseId, confirmed.what, reason)
    },
    commands: caseId === undefined ? {} : {
      skip: () => ask({ what: 'skip', caseId }),
      flag: toggle('flag', caseId),
      second_opinion: toggle('second_opinion', caseId),
    },
  }
}
