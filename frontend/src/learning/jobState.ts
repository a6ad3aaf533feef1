/** What a background job of the learning screen looks like while it runs. */
import type { Round, Schemas } from '../api/client'
import { named, t } from '../i18n'

export const REFRESH_MS = 1500

interface Job {
  state: Schemas['JobStateEnum']
  progress: Schemas['ProgressOfJob']
}

export function isBusy({ state }: Job): boolean {
  return state === 'pending' || state === 'running'
}

/** What a round's badge says: one that is to wait is paused, or on the way there. */
export function phaseOf({ state, pause_requested }: Pick<Round, 'state' | 'pause_requested'>): Round['state'] | 'pausing' | 'paused' {
  if (!pause_requested) return state
  return state === 'pending' ? 'paused' : state === 'running' ? 'pausing' : state
}

/** Asks again only while something runs. */
export function whileBusy(jobs: readonly Job[] | undefined): number | false {
  return jobs?.some(isBusy) ? REFRESH_MS : false
}

/** No worker has begun with it. */
export function isWaiting({ state, progress }: Job): boolean {
  return state === 'pending' && !progress.step
}

/** Percent done; all of it, and animated, where that is not known. */
export function percent(job: Job): number {
  const { done, total } = job.progress
  if (total) return (100 * (done ?? 0)) / total
  return isWaiting(job) ? 0 : 100
}

/** "train, 12/40", or nothing. */
export function stepText({ progress: { step, done, total } }: Job): string {
  const parts = [step ? named(`step.${step}`, step) : '', total ? t('learning.done_of', { done: done ?? 0, total }) : '']
  return parts.filter((part) => part !== '').join(', ')
}
