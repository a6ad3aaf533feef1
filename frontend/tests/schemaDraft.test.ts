import { describe, expect, it } from 'vitest'
import type { Question } from '../src/labeling/definition'
import {
  conditionOf, conditionSources, draftProblems, keyFrom, moved, parseDefinition, simpleOf, withField, withKind, withLabel,
} from '../src/projects/schemaDraft'

const nodule: Question = {
  key: 'nodule', label: 'Nodule?', kind: 'one', is_normal: 'no',
  options: [{ key: 'no', label: 'No', hotkey: '1' }, { key: 'yes', label: 'Yes', hotkey: '2' }],
}
const size: Question = { key: 'size', label: 'Size', kind: 'number', scope: 'region', minimum: 1 }

describe('a list', () => {
  it('moves one element by one place and stays as it is at its ends', () => {
    expect(moved(['a', 'b', 'c'], 1, 1)).toEqual(['a', 'c', 'b'])
    expect(moved(['a', 'b'], 0, -1)).toEqual(['a', 'b'])
    expect(moved(['a', 'b'], 1, 1)).toEqual(['a', 'b'])
  })
})

describe('a key', () => {
  it('is made of the label and differs from those taken', () => {
    expect(keyFrom('Größter Durchmesser (mm)', [])).toBe('grosster_durchmesser_mm')
    expect(keyFrom('3rd option', [])).toBe('k_3rd_option')
    expect(keyFrom('Nodule', ['nodule', 'nodule_2'])).toBe('nodule_3')
  })

  it('is always one that the server takes', () => {
    const labels = ['', '!!!', 'x'.repeat(90), 'ÄÖÜ', '日本', 'a b '.repeat(30)]
    expect(labels.map((label) => keyFrom(label, [])).filter((key) => !/^[a-z][a-z0-9_]{0,39}$/.test(key))).toEqual([])
  })
})

describe('a question', () => {
  it('loses what belongs to its old kind', () => {
    expect(withKind(nodule, 'number')).toEqual({ key: 'nodule', label: 'Nodule?', kind: 'number' })
    expect(withKind(size, 'text')).toEqual({ key: 'size', label: 'Size', kind: 'text', scope: 'region' })
    expect(withKind(nodule, 'ordinal')).toEqual({ ...nodule, kind: 'ordinal' })
    expect(withKind(nodule, 'many')).not.toHaveProperty('is_normal')
  })

  it('takes its key from its label until it is published or named by hand', () => {
    const fresh: Question = { key: 'question_2', label: 'Question 2', kind: 'text' }
    expect(withLabel(fresh, 'Image quality', ['nodule'], false)).toMatchObject({ key: 'image_quality', label: 'Image quality' })
    expect(withLabel(fresh, 'Image quality', [], true)).toMatchObject({ key: 'question_2' })
    expect(withLabel({ ...fresh, key: 'quality' }, 'Image quality', [], false)).toMatchObject({ key: 'quality' })
  })

  it('leaves out a field that says nothing', () => {
    expect(withField(size, 'minimum', undefined)).not.toHaveProperty('minimum')
    expect(withField(size, 'minimum', 0)).toHaveProperty('minimum', 0)
  })
})

describe('a condition', () => {
  it('comes back from its form unchanged', () => {
    const simple = [{ question: 'nodule', is: 'yes' }, { question: 'nodule', any_of: ['yes', 'no'] }, { question: 'size', at_least: 4.5 }]
    const back = simple.map((condition) => {
      const shown = simpleOf(condition)
      return shown && conditionOf(shown, [nodule, size].find(({ key }) => key === shown.question))
    })
    expect(back).toEqual(simple)
  })

  it('made of several is left to JSON', () => {
    expect(simpleOf({ all: [{ question: 'nodule', is: 'yes' }] })).toBeNull()
    expect(simpleOf({ question: 'nodule', is: { cannot_assess: true } })).toBeNull()
  })

  it('may name questions of the study and of the same scope only', () => {
    expect(conditionSources(nodule, [nodule, size])).toEqual([])
    expect(conditionSources(size, [nodule, size])).toEqual([nodule])
  })
})

describe('a draft', () => {
  it('says what hinders readers', () => {
    const taken = { ...nodule, options: [{ key: 'no', label: 'No', hotkey: '?' }, { key: 'yes', label: 'Yes', hotkey: '7' }] }
    const again = { ...nodule, key: 'b', label: 'B', options: [{ key: 'x', label: 'X', hotkey: '7' }] }
    expect(draftProblems({ questions: [taken, again] })).toEqual([
      { kind: 'hotkey_taken', hotkey: '?', label: 'No' },
      { kind: 'too_few_options', label: 'B' },
      { kind: 'hotkey_used_twice', hotkey: '7', label: 'X' },
    ])
    expect(draftProblems({ questions: [nodule, size] })).toEqual([])
  })

  it('is read from JSON only where it is an object', () => {
    expect(parseDefinition('{"questions": []}')).toEqual({ definition: { questions: [] } })
    expect(parseDefinition('[]')).toHaveProperty('mistake')
    expect(parseDefinition('{')).toHaveProperty('mistake')
  })
})
