/** What an answer of the server means for the reader. */
import { ApiError, Offline } from '../api/client'
import { t } from '../i18n'

/** The answer to an earlier attempt was lost on the way, but the read did arrive. */
export function wasHandedIn(error: unknown): boolean {
  const state = error instanceof ApiError ? error.problem.state : undefined
  return state === 'submitted' || state === 'accepted'
}

export function isLeaseLost(error: unknown): boolean {
  return error instanceof ApiError && error.problem.code === 'lease_lost'
}

export function explain(error: unknown): string {
  if (error instanceof Offline) return t('notice.unreachable')
  return error instanceof Error ? error.message : String(error)
}
