/** The one HTTP client: typed from the OpenAPI file, with CSRF and errors as problem objects. */
import createClient from 'openapi-fetch'
import { t } from '../i18n'
import { fieldsSaid, saidOfProblem, together, type Said } from './saidText'
import type { components, paths } from './schema'

export type Schemas = components['schemas']
export type Project = Schemas['Project']
export type Reading = Schemas['Reading']
export type Study = Schemas['Study']
export type Question = Schemas['Question']
export type Round = Schemas['Round']

/** The server's error shape (RFC 9457). */
export interface Problem {
  status: number
  code: string
  detail: string
  /** The detail and what is wrong with the fields, in no language, where the server knows such words. */
  words?: unknown
  field_words?: Record<string, unknown>
  fields?: Record<string, string>
  /** The one field that the detail is about. */
  field?: string
  state?: string
  current?: { version: number; content: unknown }
}

/** The server's refusal, said in the reader's language, its fields too. */
export class ApiError extends Error {
  readonly problem: Problem
  readonly said: Said

  constructor(problem: Problem) {
    const said = saidOfProblem(problem)
    super(together(said))
    const fields = fieldsSaid(problem.fields, problem.field_words)
    this.problem = { ...problem, ...(fields && { fields }) }
    this.said = said
  }
}

/** The network or the server is away; what was being sent must be kept and sent again. `cause` is the browser's. */
export class Offline extends Error {
  constructor(cause?: unknown) {
    super(t('sign_in.offline'), { cause })
  }
}

/** How long the server may think before it counts as away. */
const PATIENCE_MS = 30_000
/** Beside that, time for what is sent: half a megabit a second. */
const BYTES_PER_MS = 64

/** For a request that must not wait for ever; `bytes` is the size of its body. */
export function patience(bytes = 0): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(PATIENCE_MS + bytes / BYTES_PER_MS) }
}

export function csrfToken(): string {
  const match = /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)
  return match?.[1] ?? ''
}

/** The answer of our server; throws Offline where none came. */
export async function reachable(request: Request): Promise<Response> {
  try {
    const response = await fetch(request)
    if (isAway(response)) throw new Offline(response.statusText)
    return response
  } catch (error) {
    if (error instanceof Offline) throw error
    throw new Offline(error)
  }
}

/** A gateway's own answer; our 502 is a problem object that speaks of another server (a PACS). */
function isAway({ status, headers }: Response): boolean {
  const isOurs = status === 502 && headers.get('Content-Type') === 'application/problem+json'
  return status >= 502 && status <= 504 && !isOurs
}

export const api = createClient<paths>({ baseUrl: '', fetch: reachable })

api.use({
  onRequest({ request }) {
    if (request.method !== 'GET') request.headers.set('X-CSRFToken', csrfToken())
    return request
  },
})

/** The body of a good answer; anything else throws ApiError. */
export async function good<T>(
  call: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  const { data, error, response } = await call.catch(asAway)
  if (response.ok) return data as T
  const body = (error ?? {}) as Partial<Problem>
  throw new ApiError({
    ...body,
    status: response.status,
    code: body.code ?? 'error',
    detail: body.detail ?? t('ui.server_answered', { status: String(response.status) }),
  })
}

/** An answer may stop half-way, by itself (its text is no JSON then) or because patience has ended: away. */
export function asAway(error: unknown): never {
  if (error instanceof ApiError || error instanceof Offline) throw error
  throw new Offline(error)
}
