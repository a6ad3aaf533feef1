/** Connects what a suggestion has painted to the panes. */
import { useCallback, useEffect, useRef, useState } from 'react'
import { t } from '../i18n'
import { showNotice } from '../ui/notify'
import type { SuggestedMasks } from '../viewer/masks/SuggestedMasks'
import { ViewerError } from '../viewer/messages'
import type { MaskLayer, PinnedPlace } from '../viewer/types'
import type { Segment } from './definition'
import type { ReadingSession } from './ReadingSession'
import { DEFAULT_LOOK, segmentColour } from './SegmentPanel'
import { explain } from './serverAnswers'
import type { ViewerConnection } from './useWorkstation'
import { troubleText } from './viewerText'

export interface SuggestedDrawing {
  isShown: boolean
  toggle: () => void
  /** Where most of it lies; null where no mask is shown. */
  place: () => PinnedPlace | null
}

const NONE = [] as const

export function useSuggestedMasks(
  { workstation, layers }: ViewerConnection, session: ReadingSession, id: string | null, masks: readonly MaskLayer[],
  segments: readonly Segment[],
): SuggestedDrawing {
  const overlay = useRef<SuggestedMasks | null>(null)
  const [hidden, setHidden] = useState<string | null>(null)
  const isShown = hidden !== id
  const hasMasks = masks.length > 0

  useEffect(() => {
    if (!workstation || !layers || !hasMasks) return undefined
    const created = new layers.SuggestedMasks(workstation, (error) =>
      showNotice(t('masks.suggested_failed', { message: whyMissing(error) })))
    overlay.current = created
    return () => {
      overlay.current = null
      created.destroy()
    }
  }, [workstation, layers, hasMasks])

  useEffect(() => {
    const { current } = overlay
    if (!current || id === null) return
    const dressed = segments.map((one) => ({
      ...DEFAULT_LOOK, value: one.value, layer: one.layer ?? 0, colour: segmentColour(one),
    }))
    void current.show(isShown ? masks : NONE, dressed, readingOf(session, id))
  }, [workstation, layers, session, id, masks, segments, isShown])

  return {
    isShown,
    toggle: useCallback(() => setHidden((before) => (before === id ? null : id)), [id]),
    place: useCallback(() => overlay.current?.place() ?? null, []),
  }
}

function whyMissing(error: unknown): string {
  return error instanceof ViewerError ? troubleText(error.trouble) : explain(error)
}

/** Fetches the slices when the first is read, and again where that failed. */
function readingOf(session: ReadingSession, id: string): (sha256: string) => Promise<Uint8Array> {
  let loaded: Promise<void> | null = null
  return async (sha256) => {
    loaded ??= session.loadSuggested(id)
    try {
      await loaded
    } catch (error) {
      loaded = null
      throw error
    }
    return session.readMask(sha256)
  }
}
