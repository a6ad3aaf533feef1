import { describe, expect, it } from 'vitest'
import type { Question } from '../src/api/client'
import { choose, contentOf, isChosen, optionOfKey } from '../src/labeling/answers'

const one = {
  key: 'nodule', label: 'Nodule?', kind: 'one', required: true,
  options: [{ key: 'no', label: 'No', hotkey: '1' }, { key: 'yes', label: 'Yes', hotkey: '2' }],
} as unknown as Question
const many = {
  key: 'also', label: 'Also', kind: 'many', required: false,
  options: [{ key: 'a', label: 'A', hotkey: 'q' }, { key: 'b', label: 'B', hotkey: '' }],
} as unknown as Question

describe('answers', () => {
  it('replaces the answer of a single choice', () => {
    expect(choose(choose({}, one, 'no'), one, 'yes')).toEqual({ nodule: 'yes' })
  })

  it('toggles options of a multiple choice in the order of the schema', () => {
    const both = choose(choose({}, many, 'b'), many, 'a')
    expect(both).toEqual({ also: ['a', 'b'] })
    expect(choose(both, many, 'a')).toEqual({ also: ['b'] })
    expect(isChosen(both, many, 'b')).toBe(true)
  })

  it('knows which option a key belongs to, in either case', () => {
    expect(optionOfKey([one, many], 'Q')).toEqual({ question: many, option: 'a' })
    expect(optionOfKey([one, many], 'x')).toBeNull()
  })

  it('reads content in whatever state it was left', () => {
    expect(contentOf(null)).toEqual({ answers: {} })
    expect(contentOf({ answers: { nodule: 'no' }, masks: [] })).toEqual({ answers: { nodule: 'no' }, masks: [] })
  })
})
