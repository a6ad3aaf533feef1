/** A model's suggestions on the open case: shown, accepted, edited, refused, and recorded as such. */
import { useEffect, useMemo } from 'react'
import { usePreferences } from '../app/usePreferences'
import type { Region } from '../viewer/types'
import type { ActionId, Commands } from './actions'
import { actionOf } from './actions'
import type { Segment } from './definition'
import { goToRegion } from './goThere'
import { keysOf } from './keymap'
import { shownKey } from './keyText'
import type { ReadingSession, Snapshot } from './ReadingSession'
import { isUndecided, proposedBy } from './suggested'
import type { Suggestion, SuggestionBarProps } from './SuggestionBar'
import type { Masks } from './useMasks'
import { useSuggestedMasks } from './useSuggestedMasks'
import type { ViewerConnection } from './useWorkstation'

interface Suggestions {
  bar: SuggestionBarProps | null
  commands: Commands
  /** What is drawn before the reader has decided. */
  regions: readonly Region[]
}

const NONE = [] as const

export function useSuggestions(
  viewer: ViewerConnection, session: ReadingSession, snapshot: Snapshot, segments: readonly Segment[], masks: Masks,
): Suggestions {
  const { reading, content, phase, suggestions, isRevealed, isTaking } = snapshot
  const { keys: custom } = usePreferences()
  const all = suggestions as readonly Suggestion[] // the generated types leave the content open
  const waiting = all.filter(({ id }) => isUndecided(content, id))
  const mode = reading?.options.suggestions ?? 'off'
  // The impression may be held fast, and the suggestions on their way or failed.
  const isHidden = mode === 'after_first_impression' && !(content.first_impression && isRevealed)
  const suggestion = mode === 'off' || isHidden ? null : (waiting[0] ?? null)
  const proposed = useMemo(() => suggestion && proposedBy(suggestion), [suggestion])
  const shownId = suggestion?.id ?? null
  const drawn = useSuggestedMasks(viewer, session, shownId, proposed?.masks ?? NONE, segments)

  useEffect(() => {
    if (shownId !== null) session.recordSuggestion(shownId, 'shown', new Date())
  }, [session, shownId])

  if (mode === 'off' || (!isHidden && suggestion === null)) return { bar: null, commands: {}, regions: NONE }
  const accept = (id: string) => void session.takeSuggestion(id, 'accepted', new Date())
  const edit = (id: string) => {
    if (!session.takeSuggestion(id, 'edited', new Date())) return
    const layer = proposed?.masks[0]?.layer
    const segment = segments.find((one) => (one.layer ?? 0) === layer)
    if (!segment) return
    masks.select(segment.value)
    viewer.workstation?.setTool('brush')
  }
  const refuse = (id: string) => session.recordSuggestion(id, 'refused', new Date())
  const goTo = () => {
    const [region] = proposed?.regions ?? NONE
    if (region) goToRegion(region, viewer.workstation)
    const place = region ? null : drawn.place()
    if (place) void viewer.workstation?.jumpTo(place.sop_instance_uid, place.frame, place.pixel)
  }
  const reveal = () => void masks.after(() => session.reveal(new Date()))
  const isDrawn = proposed !== null && proposed.regions.length + proposed.masks.length > 0
  const keyOf = (id: ActionId) => shownKey(keysOf(actionOf(id), custom)[0] ?? '')
  return {
    regions: drawn.isShown ? (proposed?.regions ?? NONE) : NONE,
    bar: {
      suggestion, waiting: waiting.length, questions: session.questions(), series: namesOf(reading), isHidden, isDisabled: phase !== 'reading' || isTaking,
      isShown: drawn.isShown,
      keys: {
        accept: keyOf('suggestion_accept'), edit: keyOf('suggestion_edit'), refuse: keyOf('suggestion_refuse'),
        goto: keyOf('suggestion_goto'), show: keyOf('suggestion_show'), reveal: keyOf('suggestion_reveal'),
      },
      onReveal: reveal,
      onAccept: accept, onEdit: edit, onRefuse: refuse,
      onGoTo: isDrawn ? goTo : null, onShow: isDrawn ? drawn.toggle : null,
    },
    commands: isHidden ? { suggestion_reveal: reveal } : shownId === null ? {} : {
      ...(!isTaking && {
        suggestion_accept: () => accept(shownId), suggestion_edit: () => edit(shownId), suggestion_refuse: () => refuse(shownId),
      }),
      ...(isDrawn && { suggestion_goto: goTo, suggestion_show: drawn.toggle }),
    },
  }
}

function namesOf(reading: Snapshot['reading']): Map<string, string> {
  return new Map(reading?.study.series.map((one) => [one.series_instance_uid, one.series_description || one.modality]))
}
