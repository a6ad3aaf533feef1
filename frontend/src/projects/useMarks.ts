/** The marks of a project and what a manager does about them. */
import { keepPreviousData, useMutation, useQuery, useQueryClient, type UseQueryResult } from '@tanstack/react-query'
import { api, good, type Schemas } from '../api/client'
import { showError } from '../ui/notify'

export type MarkRow = Schemas['MarkRow']
export type MarkKind = MarkRow['kind']
export const MARK_KINDS = ['flag', 'second_opinion', 'skip'] as const satisfies readonly MarkKind[]
export const PAGE_SIZE = 50

export interface MarkFilter {
  state: 'open' | 'resolved' | 'all'
  kind: MarkKind | null
  reader: string | null
  caseId?: string
  page: number
}

type Page = Awaited<ReturnType<typeof fetchMarks>>

export function useMarks(projectId: string, filter: MarkFilter): UseQueryResult<Page> {
  return useQuery({
    queryKey: ['project-marks', projectId, filter],
    queryFn: () => fetchMarks(projectId, filter),
    placeholderData: keepPreviousData,
  })
}

/** Only managers may ask who the members are. */
export function useMembers(projectId: string, isManager: boolean): readonly Schemas['Member'][] {
  const members = useQuery({
    queryKey: ['members', projectId], enabled: isManager,
    queryFn: () => good(api.GET('/api/v1/projects/{project_id}/members', { params: { path: { project_id: projectId } } })),
  })
  return members.data ?? []
}

export interface MarkActs {
  isBusy: boolean
  settle: (mark: MarkRow, isResolved: boolean) => void
  remove: (mark: MarkRow) => void
  give: (mark: MarkRow, userId: string) => void
  withdraw: (mark: MarkRow, userId: string) => void
}

export function useMarkActs(projectId: string): MarkActs {
  const queries = useQueryClient()
  const act = useMutation({
    mutationFn: (run: () => Promise<unknown>) => run(),
    onError: showError,
    onSettled: () => queries.invalidateQueries({ queryKey: ['project-marks', projectId] }),
  })
  const one = ({ id }: MarkRow) => ({ path: { mark_id: id } })
  const handover = ({ case_id }: MarkRow, user_id: string) => ({ path: { case_id, user_id } })
  return {
    isBusy: act.isPending,
    settle: (mark, is_resolved) => act.mutate(() =>
      good(api.PATCH('/api/v1/marks/{mark_id}', { params: one(mark), body: { is_resolved } }))),
    remove: (mark) => act.mutate(() => good(api.DELETE('/api/v1/marks/{mark_id}', { params: one(mark) }))),
    give: (mark, userId) => act.mutate(() =>
      good(api.PUT('/api/v1/cases/{case_id}/handovers/{user_id}', { params: handover(mark, userId) }))),
    withdraw: (mark, userId) => act.mutate(() =>
      good(api.DELETE('/api/v1/cases/{case_id}/handovers/{user_id}', { params: handover(mark, userId) }))),
  }
}

function fetchMarks(projectId: string, { state, kind, reader, caseId, page }: MarkFilter) {
  const query = {
    page, page_size: PAGE_SIZE,
    ...(state !== 'all' && { is_resolved: state === 'resolved' }),
    ...(kind && { kind }), ...(reader && { reader }), ...(caseId && { case: caseId }),
  }
  return good(api.GET('/api/v1/projects/{project_id}/marks', { params: { path: { project_id: projectId }, query } }))
}
