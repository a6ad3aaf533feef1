/** Reviewing on the pages of cases, one read after the other: the addresses, and what comes next fetched ahead. */
import { useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { api, good, type Reading, type Schemas } from '../api/client'
import { nextToReview, reviewQueue } from '../projects/useReviews'
import { planOfRead } from './hung'
import type { ViewerConnection } from './useWorkstation'

type Read = Schemas['Annotation']

/** The page of a read's case, as a reviewer goes from one to the next. */
export function reviewOf(projectId: string, read: Read): string {
  return `/projects/${projectId}/cases/${read.case_id}?${new URLSearchParams({ read: read.id, review: '1' }).toString()}`
}

/** The list of what waits. */
export function reviewsOf(projectId: string): string {
  return `/projects/${projectId}?tab=reviews`
}

export function overviewOf(caseId: string) {
  return {
    queryKey: ['overview', caseId],
    queryFn: () => good(api.GET('/api/v1/cases/{case_id}/overview', { params: { path: { case_id: caseId } } })),
  }
}

/** An overview in the words of the reading room; a case that nobody has read shows its images alone. */
export function readingOf(found: Schemas['Overview'], read: Read | undefined): Reading {
  const { case_id, study, priors, options, schema } = found
  const empty = {
    id: '', case_id, reader: '', state: 'draft', version: 1, content: { answers: {} }, active_seconds: 0,
    submitted_at: null, schema, asked: [],
  } as Read
  return {
    case_id, study, study_revision: 0, priors, options, annotation: read ?? empty, assignment: null, suggestions: [],
    priority_reason: '', priority_words: {}, is_returned: false, review_comment: '',
  }
}

/** Fetch what the read after this one shows, once this one's images are there. `shown` is undefined where nothing is
 * reviewed. */
export function useReviewAhead(projectId: string, shown: Read | undefined, { workstation, isSettled }: ViewerConnection): void {
  const waiting = useQuery({ ...reviewQueue(projectId), enabled: shown !== undefined && isSettled })
  const next = shown && waiting.data ? nextToReview(waiting.data.results, shown) : undefined
  const overview = useQuery({ ...overviewOf(next?.case_id ?? ''), enabled: next !== undefined && next.case_id !== shown?.case_id })
  const { data } = overview
  useEffect(() => {
    if (workstation && isSettled && data) void workstation.prefetch(planOfRead(readingOf(data, data.reads.find(({ id }) => id === next?.id))))
  }, [workstation, isSettled, data, next?.id])
}
