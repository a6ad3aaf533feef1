import { afterEach, describe, expect, it } from 'vitest'
import { setLanguage } from '../src/i18n'
import { shownAnswer, shownAnswers } from '../src/labeling/answerText'
import { afterChoosing, choicesOf, hasNormal, isChosen } from '../src/labeling/choosing'
import type { Question } from '../src/labeling/definition'
import { numberText, parseNumber } from '../src/labeling/numberText'
import { DEFAULT_SIZES, sizesOf } from '../src/labeling/roomLayout'

const size: Question = { key: 'size', label: 'Size', kind: 'number', minimum: 1, maximum: 30.5, decimals: 1, unit: { code: 'mm', label: 'mm' } }
const many: Question = {
  key: 'also', label: 'Also', kind: 'many', options: [{ key: 'a', label: 'Air' }, { key: 'b', label: 'Bone' }],
}

describe('a typed number', () => {
  it('may have a comma or a point', () => {
    expect(parseNumber(' 12,5 ', size)).toEqual({ value: 12.5 })
    expect(parseNumber('12.5', size)).toEqual({ value: 12.5 })
    expect(parseNumber(',5', { ...size, minimum: null })).toEqual({ value: 0.5 })
    expect(parseNumber('−3', { ...size, minimum: null })).toEqual({ value: -3 })
  })

  it('is no answer while nothing is typed', () => {
    expect(parseNumber('  ', size)).toEqual({ value: null })
  })

  it.each([
    ['twelve', 'not_a_number'], ['1.234,5', 'not_a_number'], ['1e3', 'not_a_number'], ['.', 'not_a_number'],
    ['0,9', 'too_small'], ['30.6', 'too_large'], ['2.25', 'too_many_decimals'],
  ])('is refused as %s: %s', (text, problem) => {
    expect(parseNumber(text, size)).toEqual({ problem })
  })

  it('may have more zeros than decimals', () => {
    expect(parseNumber('2.500', size)).toEqual({ value: 2.5 })
  })

  it('is shown with the sign of the language', () => {
    expect(numberText(2.5, 'de')).toBe('2,5')
    expect(numberText(2.5, 'en')).toBe('2.5')
  })
})

describe('choosing', () => {
  it('toggles options of a multiple choice in the order of the schema, and replaces in all others', () => {
    expect(afterChoosing(many, ['b'], 'a')).toEqual(['a', 'b'])
    expect(afterChoosing(many, ['a', 'b'], 'a')).toEqual(['b'])
    expect(afterChoosing(many, [], 'a')).toEqual(['a'])
    expect(afterChoosing(many, { cannot_assess: true }, 'a')).toEqual(['a'])
    expect(afterChoosing({ ...many, kind: 'ordinal' }, 'a', 'b')).toBe('b')
    expect(isChosen(['a'], 'a')).toBe(true)
    expect(isChosen('a', 'b')).toBe(false)
  })

  it('is no answer where an option is pressed and pressed again; that none is there has a choice of its own', () => {
    expect(afterChoosing(many, afterChoosing(many, null, 'a'), 'a')).toBeNull()
    expect(choicesOf(many).map(({ option, label }) => [option, label])).toEqual([['a', 'Air'], ['b', 'Bone'], [null, 'None of these']])
    expect(choicesOf({ ...many, kind: 'one' })).toHaveLength(2)
    expect(afterChoosing(many, ['a'], null)).toEqual([])
    expect(afterChoosing(many, [], null)).toBeNull()
    expect([isChosen([], null), isChosen(['a'], null), isChosen(null, null)]).toEqual([true, false, false])
  })

  it('knows whether anything can be answered as normal', () => {
    expect(hasNormal([many, { ...size, is_normal: null }])).toBe(false)
    expect(hasNormal([{ ...many, is_normal: [] }])).toBe(true)
  })
})

describe('an answer as text', () => {
  afterEach(() => setLanguage('en'))

  it('uses the words of the question', () => {
    expect(shownAnswer(['a', 'b'], many)).toBe('Air, Bone')
    expect(shownAnswer([], many)).toBe('none of these')
    expect(shownAnswer({ cannot_assess: true }, size)).toBe('Cannot assess')
    expect(shownAnswer(null, size)).toBe('no answer')
    setLanguage('de')
    expect(shownAnswer(2.5, size)).toBe('2,5 mm')
  })

  it('lists several in the order of the questions, unknown ones last', () => {
    expect(shownAnswers({ gone: 'x', also: ['b'], size: 3 }, [size, many])).toBe('Size: 3 mm; Also: Bone; gone: x')
    expect(shownAnswers({}, [size])).toBe('no answers')
  })
})

describe('the sizes of the room', () => {
  it('are the defaults where nothing useful is stored', () => {
    expect(sizesOf(null)).toEqual(DEFAULT_SIZES)
    expect(sizesOf('{broken')).toEqual(DEFAULT_SIZES)
    expect(sizesOf('{"panel": 4000, "isStripOpen": false}')).toEqual({ ...DEFAULT_SIZES, isStripOpen: false })
  })
})
