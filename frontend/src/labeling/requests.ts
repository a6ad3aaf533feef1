/** The reading page's calls to the server. */
import { api, ApiError, asAway, csrfToken, good, Offline, patience, reachable, type Problem, type Reading, type Schemas } from '../api/client'
import { t } from '../i18n'
import type { Content } from './content'
import type { Bytes } from './sliceFormat'

/** What the slices of a volume may weigh. */
const LARGE_PACK = 6 * 2 ** 20

/** Browsers let 64 KiB at a time outlive the page that sends them: of bodies in bytes, of all that are under way. */
const OUTLIVES_PAGE = 60_000

/** Where the images of a project are served. */
export function dicomwebRoot(projectId: string): string {
  return `${window.location.origin}/dicomweb/projects/${projectId}`
}

export async function claimNext(projectId: string): Promise<Reading | null> {
  const answer = await good(
    api.POST('/api/v1/projects/{project_id}/claim', { params: { path: { project_id: projectId } }, ...patience() }),
  )
  return answer ?? null
}

export function upcoming(projectId: string): Promise<Schemas['Upcoming'][]> {
  return good(
    api.GET('/api/v1/projects/{project_id}/upcoming', { params: { path: { project_id: projectId } }, ...patience() }),
  )
}

/** What a reader whose worklist is empty waits for. */
export function waiting(projectId: string): Promise<Schemas['Waiting']> {
  return good(
    api.GET('/api/v1/projects/{project_id}/waiting', { params: { path: { project_id: projectId } } }),
  )
}

/** A case as it is now, without taking a lease. */
export function lookAt(caseId: string): Promise<Reading> {
  return good(
    api.GET('/api/v1/cases/{case_id}', { params: { path: { case_id: caseId } }, ...patience() }),
  )
}

/** What is sent while the page goes away arrives all the same, as far as the browser lets it. */
export async function saveDraft(id: string, version: number, content: Content): Promise<number> {
  if (sizeOf(content) > OUTLIVES_PAGE) return putDraft(id, version, content, false)
  try {
    return await putDraft(id, version, content, true)
  } catch (error) {
    if (!mayBeOverQuota(error)) throw error
    return putDraft(id, version, content, false)
  }
}

/** Hand in, with the seconds since the last heartbeat and what was shown of the study; resolves to the next case, which
 * is claimed along. */
export async function submit(
  id: string, version: number, content: Content, activeSeconds: number, studyRevision: number,
): Promise<Reading | null> {
  const made = await good(
    api.POST('/api/v1/annotations/{annotation_id}/submission', {
      params: { path: { annotation_id: id }, header: { 'If-Match': `"${version}"` } },
      body: { content: { ...content }, active_seconds: activeSeconds, study_revision: studyRevision, take_next: true },
      ...patience(sizeOf(content)),
    }),
  )
  return made.next
}

export function reopen(id: string): Promise<Reading> {
  return good(
    api.POST('/api/v1/annotations/{annotation_id}/reopening', {
      params: { path: { annotation_id: id } },
      ...patience(),
    }),
  )
}

/** Resolves to the lease: a new one where it had ended, and the case was free. */
export function heartbeat(assignmentId: string, activeSeconds: number): Promise<Schemas['Assignment']> {
  return good(
    api.POST('/api/v1/assignments/{assignment_id}/heartbeat', {
      params: { path: { assignment_id: assignmentId } },
      body: { active_seconds: activeSeconds },
      ...patience(),
    }),
  )
}

export async function release(assignmentId: string): Promise<void> {
  await good(
    api.DELETE('/api/v1/assignments/{assignment_id}', {
      params: { path: { assignment_id: assignmentId } },
      ...patience(),
    }),
  )
}

/** Give the case back for good; it is not served to this reader again. */
export async function skip(assignmentId: string, reason: string): Promise<void> {
  await send(`/api/v1/assignments/${assignmentId}/skip`, 'application/json', JSON.stringify({ reason }))
}

/** Painted slices, before the draft that names them. */
export async function uploadMasks(annotationId: string, pack: Bytes): Promise<void> {
  await send(`/api/v1/annotations/${annotationId}/masks`, 'application/octet-stream', pack)
}

/** The slices of one layer that the draft names. */
export async function loadMasks(annotationId: string, layer: number): Promise<Bytes> {
  const address = new URL(`/api/v1/annotations/${annotationId}/masks?layer=${layer}`, location.origin)
  return bytesAt(address)
}

/** The slices of one layer that a model suggests. */
export async function loadSuggestedMasks(caseId: string, suggestionId: string, layer: number): Promise<Bytes> {
  const path = `/api/v1/cases/${caseId}/suggestions/${suggestionId}/masks?layer=${layer}`
  return bytesAt(new URL(path, location.origin))
}

/** What the models in production can be asked about a case. */
export function explainable(caseId: string): Promise<Schemas['Explainable'][]> {
  return good(
    api.GET('/api/v1/cases/{case_id}/explanations', { params: { path: { case_id: caseId } } }),
  )
}

export function askForExplanation(
  caseId: string, wish: Schemas['NewExplanationRequestRequest'],
): Promise<Schemas['Explanation']> {
  return good(
    api.POST('/api/v1/cases/{case_id}/explanations', { params: { path: { case_id: caseId } }, body: wish }),
  )
}

export function explanation(id: string): Promise<Schemas['Explanation']> {
  return good(
    api.GET('/api/v1/explanations/{explanation_id}', { params: { path: { explanation_id: id } } }),
  )
}

export async function explanationMap(id: string): Promise<Bytes> {
  const address = new URL(`/api/v1/explanations/${id}/map`, location.origin)
  return bytesAt(address)
}

/** The labeled cases that look most like a case. */
export function neighbours(caseId: string): Promise<Schemas['Neighbour'][]> {
  return good(
    api.GET('/api/v1/cases/{case_id}/neighbours', { params: { path: { case_id: caseId } } }),
  )
}

async function putDraft(id: string, version: number, content: Content, keepalive: boolean): Promise<number> {
  const saved = await good(
    api.PUT('/api/v1/annotations/{annotation_id}/draft', {
      params: { path: { annotation_id: id }, header: { 'If-Match': `"${version}"` } },
      body: { content: { ...content } }, keepalive, ...patience(sizeOf(content)),
    }),
  )
  return saved.version
}

/** What else is under way counts too, and fetch says no more than that it failed, as it does without a network. */
function mayBeOverQuota(error: unknown): boolean {
  return error instanceof Offline && error.cause instanceof TypeError
}

async function send(path: string, type: string, body: Bytes | string): Promise<void> {
  const headers = { 'Content-Type': type, 'X-CSRFToken': csrfToken() }
  const request = new Request(new URL(path, location.origin), { method: 'POST', headers, body, ...patience(body.length) })
  await checked(await reachable(request))
}

async function bytesAt(address: URL): Promise<Bytes> {
  const answer = await checked(await reachable(new Request(address, patience(LARGE_PACK))))
  return new Uint8Array(await answer.arrayBuffer().catch(asAway))
}

/** In bytes, as it will be sent. */
function sizeOf(content: Content): number {
  return new TextEncoder().encode(JSON.stringify({ content })).length
}

/** Bodies of bytes go past the typed client, but fail like everything else. */
async function checked(response: Response): Promise<Response> {
  if (response.ok) return response
  const problem = (await response.json().catch(() => ({}))) as Partial<Problem>
  throw new ApiError({
    ...problem, status: response.status, code: problem.code ?? 'error',
    detail: problem.detail ?? t('ui.server_answered', { status: String(response.status) }),
  })
}

export function suggestions(caseId: string): Promise<Schemas['Suggestion'][]> {
  return good(
    api.GET('/api/v1/cases/{case_id}/suggestions', { params: { path: { case_id: caseId } } }),
  )
}
