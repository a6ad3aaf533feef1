/** A model's suggestions on the open case: shown, accepted, edited, refused, and recorded as such. */
import { useEffect } from 'react'
import type { Commands } from './actions'
import { actionOf } from './actions'
import type { Answers, Content } from './content'
import * as edits from './edits'
import { keysOf } from './keymap'
import { shownKey } from './keyText'
import type { ReadingSession, Snapshot } from './ReadingSession'
import type { Suggestion, SuggestionBarProps } from './SuggestionBar'
import { usePreferences } from '../app/usePreferences'
import type { Region } from '../viewer/types'

interface Suggestions {
  bar: SuggestionBarProps | null
  commands: Commands
}

export function useSuggestions(session: ReadingSession, { reading, content, phase, suggestions }: Snapshot): Suggestions {
  const { keys: custom } = usePreferences()
  const all = suggestions as readonly Suggestion[] // the generated types leave the content open
  const waiting = all.filter(({ id }) => isUndecided(content, id))
  const suggestion = waiting[0] ?? null
  const mode = reading?.options.suggestions ?? 'off'
  const isHidden = mode === 'after_first_impression' && !content.first_impression
  const shownId = isHidden ? null : (suggestion?.id ?? null)

  useEffect(() => {
    if (shownId !== null) session.recordSuggestion(shownId, 'shown', new Date())
  }, [session, shownId])

  if (mode === 'off' || (!isHidden && suggestion === null)) return { bar: null, commands: {} }
  const take = (action: 'accepted' | 'edited') => (id: string) => {
    const found = all.find((one) => one.id === id)
    if (found) session.edit(`suggestion_${action}`, edits.takeSuggestion(proposedBy(found), { id, action, at: new Date().toISOString() }))
  }
  const refuse = (id: string) => session.recordSuggestion(id, 'refused', new Date())
  const keyOf = (id: 'suggestion_accept' | 'suggestion_edit' | 'suggestion_refuse') => shownKey(keysOf(actionOf(id), custom)[0] ?? '')
  return {
    bar: {
      suggestion, waiting: waiting.length, questions: session.questions(), isHidden, isDisabled: phase !== 'reading',
      keys: { accept: keyOf('suggestion_accept'), edit: keyOf('suggestion_edit'), refuse: keyOf('suggestion_refuse') },
      onReveal: () => void session.reveal(new Date()),
      onAccept: take('accepted'), onEdit: take('edited'), onRefuse: refuse,
    },
    commands: shownId === null ? {} : {
      suggestion_accept: () => take('accepted')(shownId),
      suggestion_edit: () => take('edited')(shownId),
      suggestion_refuse: () => refuse(shownId),
    },
  }
}

function isUndecided(content: Content, id: string): boolean {
  const use = content.suggestions?.find((one) => one.id === id)
  return use === undefined || use.action === 'shown'
}

function proposedBy({ content }: Suggestion): { answers?: Answers; regions?: readonly Region[] } {
  return {
    ...(content.answers && { answers: content.answers as Answers }),
    ...(content.regions && { regions: content.regions as readonly Region[] }),
  }
}
