import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { setLanguage } from '../src/i18n'
import { de } from '../src/i18n/de'
import { en } from '../src/i18n/en'
import type { Definition } from '../src/labeling/definition'
import { reasonText } from '../src/labeling/reasonText'

afterEach(() => setLanguage('en'))

const UNDECIDED = {
  priority_reason: 'The model cannot decide between yes 0.50 and no 0.44',
  priority_words: { code: 'undecided', first: 'yes', first_p: 0.5, second: 'no', second_p: 0.44 },
}

describe('why a case comes', () => {
  it('is said as the server says it, and in the other language', () => {
    setLanguage('en')
    expect(reasonText(UNDECIDED)).toBe(UNDECIDED.priority_reason)
    setLanguage('de')
    expect(reasonText(UNDECIDED)).toBe('Das Modell schwankt zwischen yes 0,50 und no 0,44')
  })

  it('names answers and drawings as the schema does, each question by its own', () => {
    const options = [{ key: 'yes', label: 'Ja' }, { key: 'no', label: 'Nein' }]
    const definition: Definition = {
      questions: [
        { key: 'other', label: 'Other', kind: 'one', options: [{ key: 'yes', label: 'Wrong' }] },
        { key: 'nodule', label: 'Nodule', kind: 'one', options },
      ],
      region_labels: [{ key: 'mass', label: 'Raumforderung' }],
    }
    const words = { ...UNDECIDED.priority_words, question: 'nodule' }
    setLanguage('de')
    expect(reasonText({ ...UNDECIDED, priority_words: words }, definition)).toBe('Das Modell schwankt zwischen Ja 0,50 und Nein 0,44')
    const drawn = { priority_reason: '', priority_words: { code: 'outline', label: 'mass' } }
    expect(reasonText(drawn, definition)).toContain('Raumforderung')
    expect(reasonText({ ...UNDECIDED, priority_words: { ...words, first: 'gone' } }, definition)).toContain('gone 0,50')
  })

  it('has as many decimals as a measurement deserves, and no unit where there is none', () => {
    const words = { code: 'range', low: 0.3, high: 1, decimals: 1, unit: '' }
    setLanguage('de')
    expect(reasonText({ priority_reason: '', priority_words: words })).toBe('Das Modell ist unsicher: 0,3 bis 1,0')
  })

  it('stays in English where nobody knows the words', () => {
    setLanguage('de')
    expect(reasonText({ priority_reason: 'As it was', priority_words: {} })).toBe('As it was')
    expect(reasonText({ priority_reason: 'Something new', priority_words: { code: 'new_thing' } })).toBe('Something new')
  })

  it('is in both catalogues for every sentence of the server', () => {
    const source = readFileSync(new URL('../../learning/acquisition/reasons.py', import.meta.url), 'utf-8')
    const table = /SENTENCES = \{([\s\S]*?)\n\}/.exec(source)?.[1] ?? ''
    const codes = [...table.matchAll(/^ {4}"(\w+)":/gm)].map(([, code]) => `why.${code ?? ''}`)
    expect(codes.length).toBeGreaterThan(15)
    for (const catalogue of [en, de]) expect(Object.keys(catalogue)).toEqual(expect.arrayContaining(codes))
  })
})
