import { describe, expect, it } from 'vitest'
import { afterChoosing, isChosen } from '../src/labeling/choosing'
import { contentOf } from '../src/labeling/content'
import type { Question } from '../src/labeling/definition'
import { answerKeysOf } from '../src/labeling/keymap'

const one: Question = {
  key: 'nodule', label: 'Nodule?', kind: 'one', required: true,
  options: [{ key: 'no', label: 'No', hotkey: '1' }, { key: 'yes', label: 'Yes', hotkey: '2' }],
}
const many: Question = {
  key: 'also', label: 'Also', kind: 'many', required: false,
  options: [{ key: 'a', label: 'A', hotkey: 'q' }, { key: 'b', label: 'B', hotkey: '' }],
}

describe('answers', () => {
  it('replaces the answer of a single choice', () => {
    expect(afterChoosing(one, afterChoosing(one, null, 'no'), 'yes')).toBe('yes')
  })

  it('toggles options of a multiple choice in the order of the schema', () => {
    const both = afterChoosing(many, afterChoosing(many, null, 'b'), 'a')
    expect(both).toEqual(['a', 'b'])
    expect(afterChoosing(many, both, 'a')).toEqual(['b'])
    expect(isChosen(both, 'b')).toBe(true)
  })

  it('knows which keys belong to options', () => {
    const keys = answerKeysOf([one, many]).map(({ key, question, option }) => [key, question, option])
    expect(keys).toEqual([['1', 'nodule', 'no'], ['2', 'nodule', 'yes'], ['q', 'also', 'a']])
  })

  it('reads content in whatever state it was left', () => {
    expect(contentOf(null)).toEqual({ answers: {} })
    expect(contentOf({ answers: { nodule: 'no' }, masks: [] })).toEqual({ answers: { nodule: 'no' }, masks: [] })
  })
})
