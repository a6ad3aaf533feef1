/** What the quick loop says of itself, in both languages. */
import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { setLanguage } from '../src/i18n'
import { de } from '../src/i18n/de'
import { en } from '../src/i18n/en'
import { evidenceText } from '../src/learning/evidenceText'

afterEach(() => setLanguage('en'))

describe('the evidence', () => {
  it('is said with the decimal mark of the reader', () => {
    const forecast = { code: 'forecast', more: 200, low: -0.04, high: 1.56 }
    expect(evidenceText(forecast, '')).toBe('200 more labels: -0.0 to +1.6 points')
    setLanguage('de')
    expect(evidenceText(forecast, '')).toBe('200 weitere Befunde: -0,0 bis +1,6 Punkte')
    expect(evidenceText({ code: 'stable', kappa: 0.9931, rounds: 3, wanted: 0.99 }, '')).toBe(
      'Übereinstimmung aufeinanderfolgender Modelle: mindestens 0,993 in den letzten 3 Runden (0,99 gewünscht)',
    )
    expect(evidenceText({ code: 'audit', upper: 7.512, count: 40, tolerated: 15 }, '')).toBe(
      'Fehler der Vorschläge höchstens 7,5 % nach 40 zufällig gezogenen Befunden (15,0 % hingenommen)',
    )
  })

  it('tells a goal as it was typed', () => {
    expect(evidenceText({ code: 'goal', end: 0.91, wanted: 0.925 }, '')).toBe('95 % sure of 0.910 on the locked test (0.925 wanted)')
  })

  it('tells errors of numbers in their unit, and without one no gap', () => {
    const words = { code: 'audit_of_number', upper: 7.924, count: 40, tolerated: 8, unit: 'mm' }
    expect(evidenceText(words, '')).toBe('Error of suggestions at most 7.92 mm by 40 audited labels (8 mm tolerated)')
    expect(evidenceText({ ...words, unit: '' }, '')).toBe('Error of suggestions at most 7.92 by 40 audited labels (8 tolerated)')
  })

  it('calls scarce answers as the schema does', () => {
    const words = { code: 'classes_scarce', minimum: 10, scarce: { yes: 3, 'lowest third': 0 } }
    const nameOf = (key: string) => (key === 'yes' ? 'Ja' : 'unteres Drittel')
    expect(evidenceText(words, '', nameOf)).toBe('Too few labels (10 wanted): Ja 3, unteres Drittel 0')
  })

  it('stays in English where nobody knows the words', () => {
    setLanguage('de')
    expect(evidenceText({}, 'As it was')).toBe('As it was')
    expect(evidenceText({ code: 'new_thing' }, 'Something new')).toBe('Something new')
  })

  it('is in both catalogues for every sentence of the server', () => {
    const source = readFileSync(new URL('../../learning/estimates/wording.py', import.meta.url), 'utf-8')
    const table = /SENTENCES = \{([\s\S]*?)\n\}/.exec(source)?.[1] ?? ''
    const codes = [...table.matchAll(/^ {4}"(\w+)":/gm)].map(([, code]) => `evidence.${code ?? ''}`)
    expect(codes.length).toBeGreaterThan(15)
    for (const catalogue of [en, de]) expect(Object.keys(catalogue)).toEqual(expect.arrayContaining(codes))
  })
})
