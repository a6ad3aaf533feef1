import { afterEach, expect, it, vi } from 'vitest'
import { changeOf, changePreferences, type Preferences } from '../src/api/preferences'
import { MemoryStorage } from './fakeStorage'

const before: Preferences = { keys: { undo: 'Ctrl+u', cine: 'F11' }, language: 'en', theme: 'dark' }

afterEach(() => vi.unstubAllGlobals())

it('are sent as what the reader changed: this page may not know what another one has changed since', async () => {
  const sent = vi.fn(() => Promise.resolve(Response.json({ ...before, theme: 'light' })))
  vi.stubGlobal('fetch', sent)
  vi.stubGlobal('document', { cookie: '' })
  vi.stubGlobal('navigator', { languages: [] })
  vi.stubGlobal('localStorage', new MemoryStorage())
  const saved = await changePreferences(changeOf(before, { theme: 'light' }))
  expect(sent).toHaveBeenCalledWith('/api/v1/me/preferences', expect.objectContaining({ method: 'PATCH', body: '{"theme":"light"}' }))
  expect(saved).toEqual({ ...before, theme: 'light' }) // as the server has it now, with what came from elsewhere
})

it('name the keys that are new and those that are given back', () => {
  expect(changeOf(before, { keys: { undo: 'Ctrl+u', fit: '' } })).toEqual({ keys: { cine: null, fit: '' } })
  expect(changeOf(before, { keys: {} })).toEqual({ keys: { undo: null, cine: null } })
  expect(changeOf(before, { keys: before.keys })).toEqual({ keys: {} })
})
