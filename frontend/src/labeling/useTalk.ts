/** What people say about a case: comments and marks, kept by the server. */
import { useMutation, useQuery, useQueryClient, type UseMutationResult } from '@tanstack/react-query'
import { useMemo } from 'react'
import { api, good, type Schemas } from '../api/client'
import { showError } from '../ui/notify'
import type { PinnedPlace } from '../viewer/types'
import { OF_A_CASE } from './caseQueries'
import type { Comment } from './CommentsPanel'

export type Markable = 'flag' | 'second_opinion'

/** By the time that the server has answered another case may be open. */
interface Act {
  caseId: string | null
  send: () => Promise<unknown>
}

export interface Talk {
  comments: readonly Comment[]
  /** My own marks on the case. */
  marks: Record<Markable, boolean>
  me: string
  /** Under what name `remarks` keeps a comment that is half written: a browser may have several readers. */
  remark: string
  isBusy: boolean
  /** Resolves to whether the server has it; the reader is told where not. */
  add: (text: string, place: PinnedPlace | null) => Promise<boolean>
  resolve: (id: string, isResolved: boolean) => void
  remove: (id: string) => void
  /** Of any case that one reads: the reason may have been typed while the next one came. */
  mark: (caseId: string, kind: Markable, reason: string) => void
  unmark: (kind: Markable) => void
}

/** Asked for once `isTheTime`, so that nothing stands in the way of the first image. */
export function useTalk(caseId: string | null, isTheTime: boolean): Talk {
  const me = useQuery({ queryKey: ['me'], queryFn: () => good(api.GET('/api/v1/me')), staleTime: Infinity, enabled: isTheTime })
  const comments = useQuery({
    ...OF_A_CASE, queryKey: ['comments', caseId], enabled: caseId !== null && isTheTime, queryFn: () => fetchComments(caseId ?? ''),
  })
  const marks = useQuery({
    ...OF_A_CASE, queryKey: ['marks', caseId], enabled: caseId !== null && isTheTime, queryFn: () => fetchMarks(caseId ?? ''),
  })
  const acting = useAct()
  const act = (send: Act['send'], of = caseId) => acting.mutate({ caseId: of, send })
  const shown = useMemo(() => (comments.data ?? []).map(commentOf), [comments.data])
  const mine = (kind: Markable) => (marks.data ?? []).some((m) => m.kind === kind && m.author === me.data?.id)
  const at = { path: { case_id: caseId ?? '' } }
  return {
    comments: shown,
    marks: { flag: mine('flag'), second_opinion: mine('second_opinion') },
    me: me.data?.id ?? '',
    remark: `${me.data?.id ?? ''}/${caseId ?? ''}`,
    isBusy: acting.isPending,
    // Known before the list is asked for again: what was sent must not stand in its field and in the list.
    add: (text, place) => new Promise((resolve) => {
      const post = () => good(api.POST('/api/v1/cases/{case_id}/comments', {
        params: at, body: { text, place: place && { ...place, pixel: [...place.pixel] } },
      }))
      act(() => post().then(() => resolve(true), (error: unknown) => {
        resolve(false)
        throw error
      }))
    }),
    resolve: (id, is_resolved) => act(() => good(api.PATCH('/api/v1/comments/{comment_id}', {
      params: { path: { comment_id: id } }, body: { is_resolved },
    }))),
    remove: (id) => act(() => good(api.DELETE('/api/v1/comments/{comment_id}', {
      params: { path: { comment_id: id } },
    }))),
    mark: (of, kind, reason) => act(() => good(api.PUT('/api/v1/cases/{case_id}/marks/{kind}', {
      params: { path: { case_id: of, kind } }, body: { reason },
    })), of),
    unmark: (kind) => act(() => good(api.DELETE('/api/v1/cases/{case_id}/marks/{kind}', {
      params: { path: { case_id: caseId ?? '', kind } },
    }))),
  }
}

function useAct(): UseMutationResult<unknown, Error, Act> {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: ({ send }: Act) => send(),
    onError: showError,
    onSettled: async (_done, _error, { caseId }) => {
      await queries.invalidateQueries({ queryKey: ['comments', caseId] })
      await queries.invalidateQueries({ queryKey: ['marks', caseId] })
    },
  })
}

function fetchComments(caseId: string): Promise<Schemas['Comment'][]> {
  return good(api.GET('/api/v1/cases/{case_id}/comments', { params: { path: { case_id: caseId } } }))
}

function fetchMarks(caseId: string): Promise<Schemas['Mark'][]> {
  return good(api.GET('/api/v1/cases/{case_id}/marks', { params: { path: { case_id: caseId } } }))
}

function commentOf(found: Schemas['Comment']): Comment {
  const { place } = found
  const [x = 0, y = 0] = place?.pixel ?? []
  return { ...found, place: place && { sop_instance_uid: place.sop_instance_uid, frame: place.frame, pixel: [x, y] } }
}
