import { describe, expect, it } from 'vitest'
import type { Content } from '../src/labeling/content'
import {
  asAsked, defaultAnswers, firstMissing, normalAnswers, problemOf, visibleQuestions,
  withNewDefaults, type Asked,
} from '../src/labeling/questions'
import type { Region } from '../src/viewer/types'

const options = [{ key: 'no' }, { key: 'yes' }]
const nodule: Asked = { key: 'nodule', kind: 'one', options, is_normal: 'no' }
const size: Asked = {
  key: 'size', kind: 'number', show_if: { question: 'nodule', is: 'yes' }, required: true, minimum: 0,
  maximum: 300, decimals: 1, allows_cannot_assess: true,
}
const follow: Asked = {
  key: 'follow', kind: 'one', options, show_if: { question: 'size', at_least: 6 }, required: false,
  required_if: { question: 'size', at_least: 8 }, default: 'no',
}
const shape: Asked = { key: 'shape', kind: 'one', scope: 'region', for_labels: ['nodule'], options }
const phase: Asked = { key: 'phase', kind: 'text', scope: 'series', max_length: 4 }
const all = [nodule, size, follow, shape, phase]

const region = (label: string, answers = {}): Region => ({
  id: label, kind: 'point', label, name: '', answers, sop_instance_uid: '1', frame: 1,
  pixels: [[0, 0]], points: null, is_hidden: false, is_locked: false,
})
const keys = (content: Content) => visibleQuestions(all, content).map((q) => q.key)
const missing = (content: Content) => firstMissing(all, content)?.question.key ?? null

describe('what is asked', () => {
  it('follows the answers', () => {
    expect(keys({ answers: {} })).toEqual(['nodule'])
    expect(keys({ answers: { nodule: 'yes' } })).toEqual(['nodule', 'size'])
    expect(keys({ answers: { nodule: 'yes', size: 6 } })).toEqual(['nodule', 'size', 'follow'])
  })

  it('counts a condition on a hidden question as false', () => {
    expect(keys({ answers: { nodule: 'no', size: 9 } })).toEqual(['nodule'])
  })

  it('understands every kind of condition', () => {
    const ask = (show_if: Asked['show_if'], answers: Content['answers']) =>
      visibleQuestions([{ key: 'many', kind: 'many', options }, nodule, { key: 'q', kind: 'text', show_if }], { answers })
        .some((q) => q.key === 'q')
    const yes = { question: 'nodule', is: 'yes' }
    const some = { question: 'many', any_of: ['a', 'b'] }
    expect(ask(some, { many: ['b', 'c'] })).toBe(true)
    expect(ask(some, { many: [] })).toBe(false)
    expect(ask({ question: 'nodule', any_of: ['yes'] }, { nodule: 'yes' })).toBe(true)
    expect(ask({ all: [yes, some] }, { nodule: 'yes' })).toBe(false)
    expect(ask({ any: [yes, some] }, { nodule: 'yes' })).toBe(true)
    expect(ask({ not: yes }, {})).toBe(true)
    expect(ask({ question: 'nodule', is: { cannot_assess: true } }, { nodule: { cannot_assess: true } })).toBe(true)
  })

  it('counts a condition on a question that this label is not asked as false', () => {
    const more: Asked = { key: 'more', kind: 'text', scope: 'region', show_if: { question: 'shape', is: 'yes' } }
    const asked = (label: string) => visibleQuestions([shape, more], { answers: {} }, {
      scope: 'region', region: region(label, { shape: 'yes' }),
    }).map((q) => q.key)
    expect(asked('nodule')).toEqual(['shape', 'more'])
    expect(asked('cyst')).toEqual([])
  })

  it('takes the options of a multiple choice in any order', () => {
    const many: Asked = { key: 'many', kind: 'many' }
    const more: Asked = { key: 'more', kind: 'text', show_if: { question: 'many', is: ['a', 'b'] } }
    expect(visibleQuestions([many, more], { answers: { many: ['b', 'a'] } })).toEqual([many, more])
  })

  it('asks a region only what its label asks', () => {
    const of = (label: string) =>
      visibleQuestions(all, { answers: {} }, { scope: 'region', region: region(label) }).length
    expect([of('nodule'), of('cyst')]).toEqual([1, 0])
  })
})

describe('what is missing', () => {
  it('is the first visible required question', () => {
    expect(missing({ answers: {} })).toBe('nodule')
    expect(missing({ answers: { nodule: 'yes' } })).toBe('size')
    expect(missing({ answers: { nodule: 'yes', size: 6 } })).toBeNull()
    expect(missing({ answers: { nodule: 'yes', size: 8 } })).toBe('follow')
    expect(missing({ answers: { nodule: 'yes', size: { cannot_assess: true } } })).toBeNull()
  })

  it('takes blanks for no answer', () => {
    expect(firstMissing([phase, { key: 'note', kind: 'text' }], { answers: { note: '  ' } })?.question.key).toBe('note')
  })

  it('includes what regions and series are asked', () => {
    const answers = { nodule: 'no' }
    const found = firstMissing(all, { answers, regions: [region('cyst'), region('nodule')] })
    expect(found).toMatchObject({ question: { key: 'shape' }, subject: { region: { id: 'nodule' } } })
    expect(missing({ answers, regions: [region('nodule', { shape: 'yes' })] })).toBeNull()
    expect(missing({ answers, scoped: [{ series_instance_uid: '1', answers: {} }] })).toBe('phase')
  })
})

describe('answers that are given for the reader', () => {
  it('answers what is normal and leaves what was answered', () => {
    expect(normalAnswers(all, { answers: {} })).toEqual({ nodule: 'no' })
    expect(normalAnswers(all, { answers: { nodule: 'yes' } })).toEqual({ nodule: 'yes' })
  })

  it('fills a default in when its question appears, not when it was taken back', () => {
    const before = { answers: { nodule: 'yes' } }
    const after = { answers: { nodule: 'yes', size: 7 } }
    expect(withNewDefaults(all, before, after).answers).toEqual({ nodule: 'yes', size: 7, follow: 'no' })
    expect(withNewDefaults(all, after, after)).toBe(after)
    expect(defaultAnswers(all, after)).toEqual({ nodule: 'yes', size: 7, follow: 'no' })
  })

  it('hands in no answers to questions that are not asked', () => {
    const content: Content = {
      answers: { nodule: 'no', size: 9, follow: 'yes' }, regions: [region('cyst', { shape: 'yes' })],
    }
    expect(asAsked(all, content)).toEqual({ answers: { nodule: 'no' }, regions: [region('cyst')] })
  })
})

describe('what is wrong with an answer', () => {
  it.each([
    [size, 12.5, null], [size, 12.55, 'too_many_decimals'], [size, -1, 'too_small'],
    [size, 301, 'too_large'], [size, 'x', 'not_a_number'], [size, { cannot_assess: true as const }, null],
    [nodule, { cannot_assess: true as const }, 'not_allowed'], [nodule, 'maybe', 'unknown_option'],
    [nodule, 'yes', null], [phase, 'early', 'too_long'], [phase, 'late', null],
  ])('%# says %s', (question, answer, problem) => {
    expect(problemOf(question, answer)).toBe(problem)
  })
})

describe('defaults beside the study', () => {
  const quality: Asked = { key: 'quality', kind: 'one', scope: 'series', options, default: 'yes' }
  const note: Asked = { key: 'note', kind: 'text', scope: 'series' }
  const margin: Asked = { key: 'margin', kind: 'one', scope: 'region', for_labels: ['nodule'], options, default: 'no' }
  const grade: Asked = { key: 'grade', kind: 'one', scope: 'region', for_labels: ['mass'], options, default: 'yes' }
  const asked = [quality, note, margin, grade]
  const chest = { series_instance_uid: '1.2' }
  const answered = (answers: Record<string, string>): Content => ({ answers: {}, scoped: [{ ...chest, answers }] })

  it('come with the first answer about a series, and stay away once they were taken back', () => {
    const first = withNewDefaults(asked, { answers: {} }, answered({ note: 'cut off' }))
    expect(first).toEqual(answered({ note: 'cut off', quality: 'yes' }))
    expect(withNewDefaults(asked, first, answered({ note: 'cut off' }))).toEqual(answered({ note: 'cut off' }))
  })

  it('come with a region, and with the label that asks for them', () => {
    const drawn = withNewDefaults(asked, { answers: {} }, { answers: {}, regions: [region('nodule')] })
    expect(drawn.regions?.[0]?.answers).toEqual({ margin: 'no' })
    const relabelled = { ...region('mass'), id: 'nodule' }
    expect(withNewDefaults(asked, drawn, { answers: {}, regions: [relabelled] }).regions?.[0]?.answers).toEqual({ grade: 'yes' })
  })

  it('leave a locked region alone', () => {
    const locked = { answers: {}, regions: [{ ...region('nodule'), is_locked: true }] }
    expect(withNewDefaults(asked, { answers: {} }, locked)).toBe(locked)
  })
})
