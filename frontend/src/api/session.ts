/** Signing in and out through allauth's browser API. */
import { t } from '../i18n'
import { csrfToken, Offline } from './client'

const BASE = '/_allauth/browser/v1/auth'

async function call(path: string, method: string, body?: object): Promise<Response> {
  try {
    return await fetch(`${BASE}/${path}`, {
      method,
      headers: { 'Content-Type': 'application/json', 'X-CSRFToken': csrfToken() },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
  } catch (error) {
    throw new Offline(error)
  }
}

/** Empty where the sign-in worked, else what to tell the person. */
export async function signIn(username: string, password: string): Promise<string> {
  const response = await call('login', 'POST', { username, password })
  if (response.ok) return ''
  if (response.status === 409) return '' // signed in already
  if (response.status === 429) return t('sign_in.too_many')
  const body = (await response.json().catch(() => null)) as { errors?: { code: string }[] } | null
  if (body?.errors?.some((error) => error.code === 'too_many_login_attempts')) return t('sign_in.too_many')
  return t('sign_in.wrong')
}

export async function signOut(): Promise<void> {
  await call('session', 'DELETE')
}
