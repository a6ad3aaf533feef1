/** Reads that wait for a reviewer, and the verdict on one. */
import { useMutation, useQueryClient, type QueryClient } from '@tanstack/react-query'
import { api, good, type Schemas } from '../api/client'
import { t } from '../i18n'
import { looks } from '../labeling/looks'
import { isStale } from '../labeling/serverAnswers'
import { showError, showNotice } from '../ui/notify'

type Read = Schemas['Annotation']
export type Verdict = 'approve' | 'return'

export interface Deciding {
  isBusy: boolean
  /** Says that the read is not the one that was looked at any more; null where it is. */
  changed: string | null
  /** `onDone` once the server has it. */
  decide: (verdict: Verdict, comment: string, onDone?: () => unknown) => void
}

/** The oldest first, and nobody's own. */
export function reviewQueue(projectId: string, page = 1) {
  return {
    queryKey: ['reviews', projectId, page],
    queryFn: () => good(api.GET('/api/v1/projects/{project_id}/reviews', { params: { path: { project_id: projectId }, query: { page } } })),
  }
}

/** What waits now, asked for anew. */
export async function waitingReads(queries: QueryClient, projectId: string): Promise<readonly Read[]> {
  return (await queries.query(reviewQueue(projectId))).results
}

/** PURE. Where a reviewer goes on: to the read that was handed in after this one, from the last to the oldest. */
export function nextToReview(waiting: readonly Read[], shown: Read): Read | undefined {
  const others = waiting.filter(({ id }) => id !== shown.id)
  return others.find(({ submitted_at: at }) => Date.parse(at ?? '') > Date.parse(shown.submitted_at ?? '')) ?? others[0]
}

export function useDeciding(projectId: string, read: Read): Deciding {
  const queries = useQueryClient()
  const changed = t('reviews.changed', { reader: read.reader })
  const sending = useMutation({
    mutationFn: (body: { verdict: Verdict; comment: string }) =>
      good(api.POST('/api/v1/annotations/{annotation_id}/review', {
        params: { path: { annotation_id: read.id }, header: { 'If-Match': `"${read.version}"` } }, body,
      })),
    onError: (error) => (isStale(error) ? showNotice(changed) : showError(error)),
    onSettled: () => { // what was refused has changed
      void queries.invalidateQueries({ queryKey: ['reviews', projectId] })
      void queries.invalidateQueries({ queryKey: ['overview', read.case_id] })
    },
  })
  // The list is asked for anew while a case is looked at: it may hold a version that was never on the screen.
  const isOutdated = looks.isOutdated(read)
  return {
    isBusy: sending.isPending,
    changed: isOutdated ? changed : null,
    decide: (verdict, comment, onDone) => {
      if (isOutdated) showNotice(changed)
      else sending.mutate({ verdict, comment }, { onSuccess: () => void onDone?.() })
    },
  }
}
