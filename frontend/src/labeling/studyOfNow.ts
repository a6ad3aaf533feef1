/** A case whose study has grown while it was read. */
import type { Reading } from '../api/client'
import type { Requests } from './sessionState'

/** The same read with all that has come of its study; as it was where the server cannot be asked: the next hand-in
 * is refused like this one. */
export async function withStudyOfNow(reading: Reading, requests: Pick<Requests, 'lookAt'>): Promise<Reading> {
  const now = await requests.lookAt(reading.case_id).catch(() => reading)
  return { ...reading, study: now.study, priors: now.priors, study_revision: now.study_revision }
}
