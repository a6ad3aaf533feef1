import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { wordsText } from '../src/api/saidText'
import { setLanguage } from '../src/i18n'
import { en } from '../src/i18n/en'

afterEach(() => setLanguage('en'))

describe('why a case was left out', () => {
  it('is said in both languages, with its values', () => {
    const known = { reason: 'crp [mg/l] is missing', words: { code: 'value_missing', name: 'crp [mg/l]' } }
    setLanguage('en')
    expect(wordsText(known.words, 'left_out')).toBe(known.reason)
    setLanguage('de')
    expect(wordsText(known.words, 'left_out')).toBe('crp [mg/l] fehlt')
  })

  it('is not said where nobody knows the words', () => {
    expect(wordsText({}, 'left_out')).toBeNull()
    expect(wordsText({ code: 'new_reason' }, 'left_out')).toBeNull()
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
