/** Names that the server gives to what managers see of learning, in both languages. */
import { readFileSync } from 'node:fs'
import { afterEach, expect, it } from 'vitest'
import { formatMonth, setLanguage } from '../src/i18n'
import { de } from '../src/i18n/de'
import { en } from '../src/i18n/en'
import { startText } from '../src/learning/startText'

afterEach(() => setLanguage('en'))

it('names every option of a recipe', () => {
  const source = readFileSync(new URL('../../learning/training/config.py', import.meta.url), 'utf-8')
  const fields = source.slice(source.indexOf('class TrainConfig'), source.indexOf('def from_json'))
  const keys = [...fields.matchAll(/^ {4}(\w+): /gm)].map(([, name]) => `knob.${name}`)
  expect(keys.length).toBeGreaterThan(30)
  for (const catalogue of [en, de]) expect(Object.keys(catalogue)).toEqual(expect.arrayContaining(keys))
})

it('calls pre-trained networks by their number, and files by their name', () => {
  expect(startText('pre-trained network 3')).toBe('pre-trained network 3')
  setLanguage('de')
  expect(startText('pre-trained network 3')).toBe('vortrainiertes Netz 3')
  expect(startText('chest.safetensors')).toBe('chest.safetensors')
})

it('writes months as the reader does', () => {
  expect(formatMonth('2026-03')).toBe('Mar 2026')
  setLanguage('de')
  expect(formatMonth('2026-03')).toBe('März 2026')
})
