/** PURE. Whether the case that is handed in can have been seen: an `Enter` that is pressed twice, or ahead, was not meant
 * for the case that comes next. */
import type { Reading } from '../api/client'
import type { PaneState } from '../viewer/types'
import { planOfRead } from './hung'

/** Nobody sees an image, decides and presses a key in less. */
export const GLANCE_MS = 500

export class Sight {
  private reading: Reading | null = null
  /** When the first of its images was there, or known not to come. */
  private since: number | null = null

  /** Another case is open, of which nothing is seen yet. */
  open(reading: Reading | null): void {
    this.reading = reading
    this.since = null
  }

  /** What the panes show `now`, in milliseconds of any clock. */
  look(panes: readonly Pick<PaneState, 'status' | 'study'>[], now: number): void {
    if (this.since === null && this.reading && isThere(this.reading, panes)) this.since = now
  }

  hasSeen(reading: Reading, now: number): boolean {
    return reading === this.reading && this.since !== null && now - this.since >= GLANCE_MS
  }
}

/** Of its own study, not of an earlier one; a study of which nothing hangs is not waited for. */
function isThere(reading: Reading, panes: readonly Pick<PaneState, 'status' | 'study'>[]): boolean {
  const isOwn = (one: { study: { study_instance_uid: string } | null } | null) =>
    one?.study?.study_instance_uid === reading.study.study_instance_uid
  if (!planOfRead(reading).panes.some(isOwn)) return true
  return panes.some((pane) => isOwn(pane) && (pane.status === 'shown' || pane.status === 'failed'))
}
