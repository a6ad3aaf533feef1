/** Keeps a case from being handed in, or a read from being judged, that nobody has seen. */
import { useEffect, useMemo } from 'react'
import type { Reading } from '../api/client'
import { t } from '../i18n'
import { showNotice } from '../ui/notify'
import type { ReadingSession } from './ReadingSession'
import { Sight } from './Sight'
import type { ViewerConnection } from './useWorkstation'

/** Returns what asks whether the open case may be handed in or judged, and says so where not: it has been on the screen for a moment,
 * or the reader has changed something of it, or no images can be shown here. */
export function useSight({ workstation, isSupported }: ViewerConnection, session: ReadingSession, reading: Reading | null): () => boolean {
  const sight = useMemo(() => new Sight(), [])
  useEffect(() => {
    sight.open(reading)
    return workstation?.subscribe(({ panes }) => sight.look(panes, performance.now()))
  }, [sight, workstation, reading])
  return () => {
    const { phase, reading: open, undoName, redoName } = session.snapshot
    if (!['reading', 'looking'].includes(phase) || !open || !isSupported || undoName !== null || redoName !== null) return true
    const hasSeen = sight.hasSeen(open, performance.now())
    if (!hasSeen) showNotice(t(phase === 'looking' ? 'reviews.too_soon' : 'reading.too_soon'))
    return hasSeen
  }
}
