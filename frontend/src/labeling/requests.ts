/** The reading page's calls to the server. */
import { api, good, type Reading, type Schemas } from '../api/client'
import type { Content } from './answers'

export async function claimNext(projectId: string): Promise<Reading | null> {
  const answer = await good(
    api.POST('/api/v1/projects/{project_id}/claim', { params: { path: { project_id: projectId } } }),
  )
  return answer ?? null
}

export function upcoming(projectId: string): Promise<Schemas['Upcoming'][]> {
  return good(
    api.GET('/api/v1/projects/{project_id}/upcoming', { params: { path: { project_id: projectId } } }),
  )
}

export async function saveDraft(id: string, version: number, content: Content): Promise<number> {
  const saved = await good(
    api.PUT('/api/v1/annotations/{annotation_id}/draft', {
      params: { path: { annotation_id: id }, header: { 'If-Match': `"${version}"` } },
      body: { content },
    }),
  )
  return saved.version
}

export async function submit(id: string, version: number, content: Content): Promise<void> {
  await good(
    api.POST('/api/v1/annotations/{annotation_id}/submission', {
      params: { path: { annotation_id: id }, header: { 'If-Match': `"${version}"` } },
      body: { content },
    }),
  )
}

export function reopen(id: string): Promise<Reading> {
  return good(
    api.POST('/api/v1/annotations/{annotation_id}/reopening', {
      params: { path: { annotation_id: id } },
    }),
  )
}

export async function heartbeat(assignmentId: string, activeSeconds: number): Promise<void> {
  await good(
    api.POST('/api/v1/assignments/{assignment_id}/heartbeat', {
      params: { path: { assignment_id: assignmentId } },
      body: { active_seconds: activeSeconds },
    }),
  )
}

export async function release(assignmentId: string): Promise<void> {
  await good(
    api.DELETE('/api/v1/assignments/{assignment_id}', {
      params: { path: { assignment_id: assignmentId } },
    }),
  )
}
