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

/** Somebody has saved or handed in another version than the one that was sent along. */
export function isStale(error: unknown): boolean {
  return error instanceof ApiError && error.problem.code === 'stale_version'
}

/** More of the study has come than the reader has seen. */
export function hasStudyGrown(error: unknown): boolean {
  return error instanceof ApiError && error.problem.code === 'study_changed'
}

/** The session has ended meanwhile: nobody is known to the server. */
export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiError && error.problem.status === 401
}

export function explain(error: unknown): string {
  if (isSignedOut(error)) return t('notice.signed_out_help')
  if (error instanceof Offline) return t('notice.unreachable')
  return error instanceof Error ? error.message : String(error)
}
