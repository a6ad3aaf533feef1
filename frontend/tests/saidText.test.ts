import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { api, ApiError, good, Offline } from '../src/api/client'
import { errorText, wordsText } from '../src/api/saidText'
import { setLanguage, type Catalogue } from '../src/i18n'
import { de } from '../src/i18n/de'
import { en } from '../src/i18n/en'
import { presetText } from '../src/labeling/viewerText'

/** Written by nobody: tests/unit/test_wording.py holds it against the server. */
const server = JSON.parse(readFileSync(new URL('serverSentences.json', import.meta.url), 'utf-8')) as {
  codes: string[]
  sentences: Record<string, string>
}
const keyOf = (code: string) => (code.includes('.') ? code : `said.${code}`)
const placeholders = (text: unknown) => [...String(text).matchAll(/\{\w+\}/g)].map(([name]) => name).sort()
const in_ = (catalogue: Catalogue, key: string) => (catalogue as Record<string, unknown>)[key]

beforeEach(() => setLanguage('de'))
afterEach(() => {
  vi.unstubAllGlobals()
  setLanguage('en')
})

const problem = { status: 409, code: 'conflict', detail: 'Nobody reviews their own read.' }

describe('what the server says', () => {
  it('has every sentence in both catalogues, with the same values', () => {
    expect(Object.keys(server.sentences).length).toBeGreaterThan(150)
    for (const [code, sentence] of Object.entries(server.sentences)) {
      expect(String(in_(en, keyOf(code))).replaceAll('’', "'")).toBe(sentence)
      expect({ code, names: placeholders(in_(de, keyOf(code))) }).toEqual({ code, names: placeholders(sentence) })
    }
  })

  it('has a general sentence for every kind of problem in both catalogues', () => {
    expect(server.codes).toContain('lease_lost')
    for (const code of server.codes) {
      expect([code, typeof in_(en, `problem.${code}`), typeof in_(de, `problem.${code}`)]).toEqual([code, 'string', 'string'])
    }
  })

  it('is said in the language of the reader, the fields too', () => {
    const refused = new ApiError({
      ...problem, words: { code: 'review_own' },
      fields: { nodule: 'must be at least 3', other: 'is odd' },
      field_words: { nodule: { code: 'answer_least', least: '3' } },
    })
    expect(refused.message).toBe('Niemand prüft den eigenen Befund.')
    expect(refused.said.original).toBe('')
    expect(refused.problem.fields).toEqual({ nodule: 'muss mindestens 3 sein', other: 'is odd' })
  })

  it('has the decimal sign of the reader, where it is a number', () => {
    const words = (least: string) => ({ code: 'answer_least', least })
    expect(wordsText(words('0.5'))).toBe('muss mindestens 0,5 sein')
    expect(wordsText(words('1.2.840'))).toBe('muss mindestens 1.2.840 sein')
  })

  it('is general, with the original beside it, where it has no words', () => {
    expect(new ApiError({ ...problem, detail: 'Odd.' }).said).toEqual({
      text: 'Das geht im Augenblick nicht.', original: 'Odd.',
    })
    expect(new ApiError({ ...problem, code: 'new_code', detail: 'Odd.' }).said.text).toBe('Der Server konnte das nicht ausführen.')
    setLanguage('en')
    expect(new ApiError({ ...problem, detail: 'Odd.' }).message).toBe('Odd.')
  })
})

describe('why a job failed', () => {
  it('is said with what is inside it', () => {
    const error = 'PACS: Storing failed: it cannot be reached.'
    const words = { code: 'remote_other', name: 'PACS', what: { code: 'remote_storing' }, reason: { code: 'remote_away' } }
    expect(errorText({ error, error_words: words })).toBe('PACS: Speichern ist misslungen: der Server ist nicht erreichbar.')
  })

  it('shows no class of the program, and the original of what has no words', () => {
    expect(errorText({ error: "KeyError: 'x'", error_words: { code: 'unexpected' } })).not.toContain('KeyError')
    expect(errorText({ error: 'It is odd.', error_words: {} })).toContain('It is odd.')
    expect(errorText({ error: '', error_words: {} })).toBe('')
  })
})

describe('a server that cannot be reached', () => {
  it('is not told in the words of the browser', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')))
    vi.stubGlobal('document', { cookie: '' })
    vi.stubGlobal('location', { origin: 'http://localhost' })
    const asked = good(api.GET('/api/v1/me', { baseUrl: 'http://localhost' }))
    await expect(asked).rejects.toThrow(Offline)
    await expect(asked).rejects.toThrow('Der Server ist nicht erreichbar.')
  })
})

describe('the name of a window', () => {
  it('is there for each that an image stores', () => {
    expect([presetText('lung'), presetText('image_2')]).toEqual(['Lunge', 'Wie gespeichert, 2'])
  })
})
