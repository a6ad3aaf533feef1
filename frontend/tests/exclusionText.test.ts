import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { setLanguage } from '../src/i18n'
import { en } from '../src/i18n/en'
import { exclusionText } from '../src/learning/exclusionText'

afterEach(() => setLanguage('en'))

describe('why a case was left out', () => {
  it('is said in both languages, with its values', () => {
    const known = { reason: 'crp [mg/l] is missing', words: { code: 'value_missing', name: 'crp [mg/l]' } }
    setLanguage('en')
    expect(exclusionText(known)).toBe(known.reason)
    setLanguage('de')
    expect(exclusionText(known)).toBe('crp [mg/l] fehlt')
  })

  it('stays in English where nobody knows the words', () => {
    setLanguage('de')
    expect(exclusionText({ reason: 'a broken file', words: {} })).toBe('a broken file')
  })

  it('has every sentence of the server', () => {
    const source = readFileSync(new URL('../../learning/exclusions.py', import.meta.url), 'utf-8')
    const table = source.slice(source.indexOf('SENTENCES = {'), source.indexOf('\n}\n'))
    const sentences = [...table.matchAll(/^ {4}"(\w+)": "(.*)",$/gm)]
    expect(sentences.length).toBeGreaterThan(20)
    for (const [, code, sentence] of sentences) {
      expect(en[`left_out.${code}` as keyof typeof en]).toBe(sentence?.replaceAll("'", '’'))
    }
  })
})
