/** What a person prefers: keys, language, theme. Kept by the server, so that every workplace knows it. */
import { languageOf, LANGUAGES, t, type Language } from '../i18n'
import { ApiError, csrfToken, Offline, type Problem } from './client'

export const THEMES = ['dark', 'light'] as const
export type Theme = (typeof THEMES)[number]

export interface Preferences {
  keys: Record<string, string>
  language: Language
  theme: Theme
}

/** What the reader changed; null gives an action its own key back. */
export interface PreferencesChange extends Partial<Omit<Preferences, 'keys'>> {
  keys?: Record<string, string | null>
}

const PATH = '/api/v1/me/preferences'
const CACHE = 'firstread.preferences'

export function defaultPreferences(): Preferences {
  return { keys: {}, language: languageOf(navigator.languages), theme: 'dark' }
}

export async function fetchPreferences(): Promise<Preferences> {
  const found = preferencesOf(await ask('GET'))
  remember(found)
  return found
}

/** Sent is nothing else: another page may have changed the rest since this one was opened. */
export async function changePreferences(change: PreferencesChange): Promise<Preferences> {
  const saved = preferencesOf(await ask('PATCH', change))
  remember(saved)
  return saved
}

/** What `wanted` makes other than it was. */
export function changeOf(before: Preferences, { keys, ...chosen }: Partial<Preferences>): PreferencesChange {
  if (!keys) return chosen
  const restored = Object.keys(before.keys).filter((action) => !(action in keys)).map((action) => [action, null] as const)
  const given = Object.entries(keys).filter(([action, key]) => before.keys[action] !== key)
  return { ...chosen, keys: Object.fromEntries([...restored, ...given]) }
}

/** What this browser saw last: the right language and theme before the server has answered. */
export function rememberedPreferences(): Preferences | null {
  const text = localStorage.getItem(CACHE)
  if (text === null) return null
  try {
    return preferencesOf(JSON.parse(text))
  } catch {
    return null
  }
}

/** Whatever was stored, as preferences: unknown languages and themes fall back to the defaults. */
export function preferencesOf(raw: unknown): Preferences {
  const body = typeof raw === 'object' && raw !== null ? (raw as Record<string, unknown>) : {}
  const defaults = defaultPreferences()
  const keys = typeof body.keys === 'object' && body.keys !== null ? Object.entries(body.keys) : []
  return {
    keys: Object.fromEntries(keys.filter((entry): entry is [string, string] => typeof entry[1] === 'string')),
    language: LANGUAGES.find((one) => one === body.language) ?? defaults.language,
    theme: THEMES.find((one) => one === body.theme) ?? defaults.theme,
  }
}

function remember(preferences: Preferences): void {
  try {
    localStorage.setItem(CACHE, JSON.stringify(preferences))
  } catch {
    // A full or forbidden store only costs the first paint in the right language.
  }
}

async function ask(method: 'GET' | 'PATCH', body?: PreferencesChange): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(PATH, {
      method,
      headers: { 'Content-Type': 'application/json', 'X-CSRFToken': csrfToken() },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
  } catch (error) {
    throw new Offline(error)
  }
  const answer: unknown = await response.json().catch(() => null)
  if (response.ok) return answer
  const problem = (answer ?? {}) as Partial<Problem>
  throw new ApiError({
    ...problem, status: response.status, code: problem.code ?? 'error',
    detail: problem.detail ?? t('ui.server_answered', { status: String(response.status) }),
  })
}
