/** Whoever comes straight to a reading room by its address: the first case is claimed, and its images are
 * asked for, while the room's scripts are on their way. */
import type { Reading } from '../api/client'
import { askForFrame, askForMetadata, firstFrame, seriesUrl } from '../viewer/dicomweb'
import { planOfRead } from './hung'
import { claimNext, dicomwebRoot } from './requests'

let claimed: { projectId: string; reading: Promise<Reading | null> } | null = null

type Claim = (projectId: string) => Promise<Reading | null>

export function arrive(projectId: string, claim: Claim = claimNext): void {
  const reading = claim(projectId)
  claimed = { projectId, reading }
  // Whatever is wrong is said when the room takes the claim.
  void reading.then((found) => found && askForImages(projectId, found)).catch(() => undefined)
}

/** The claim that was made on arrival, once; else a new one. */
export function claimOrTake(projectId: string, claim: Claim = claimNext): Promise<Reading | null> {
  const taken = claimed?.projectId === projectId ? claimed.reading : null
  claimed = null
  return taken ?? claim(projectId)
}

function askForImages(projectId: string, reading: Reading): void {
  const root = dicomwebRoot(projectId)
  const { panes } = planOfRead(reading)
  // One series may hang in several panes.
  const frames = new Set<string | undefined>()
  for (const pane of panes) {
    if (!pane) continue
    askForMetadata(seriesUrl(root, pane.study, pane.series))
    if (pane.as === 'stack') frames.add(firstFrame(root, pane.study, pane.series, null))
  }
  frames.forEach(askForFrame)
}
