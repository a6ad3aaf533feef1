import { describe, expect, it } from 'vitest'
import { areEqual, isBlank, SliceState } from '../src/viewer/masks/sliceState'

const slice = (...labels: number[]) => Uint8Array.from({ length: 7 }, (_, i) => labels[i] ?? 0)
const [ONE, TWO] = [slice(1), slice(1, 2)]

describe('what a hand changed and what the content changed', () => {
  it('a stroke that comes back as content is not written over a newer stroke', () => {
    const state = new SliceState()
    state.painted('a', ONE)
    state.painted('a', TWO)
    expect(state.tell('a', 'sha of one', ONE)).toBe(false)
    expect(state.baseline('a')).toEqual(TWO)
    expect(state.tell('a', 'sha of two', TWO)).toBe(false)
    expect(state.waiting()).toEqual([])
  })

  it('content of two strokes at once settles both', () => {
    const state = new SliceState()
    state.painted('a', ONE)
    state.painted('a', TWO)
    expect(state.tell('a', 'sha of two', TWO)).toBe(false)
    expect(state.tell('a', 'sha of one', ONE)).toBe(true)
  })

  it('undo is written', () => {
    const state = new SliceState()
    state.tell('a', 'sha of one', ONE)
    state.painted('a', TWO)
    state.tell('a', 'sha of two', TWO)
    expect(state.news({ a: 'sha of one' })).toEqual(['a'])
    expect(state.tell('a', 'sha of one', ONE)).toBe(true)
    expect(state.baseline('a')).toEqual(ONE)
    expect(state.news({})).toEqual(['a'])
    expect(state.tell('a', undefined, null)).toBe(true)
    expect(state.baseline('a')).toBeNull()
  })

  it('a stroke and its own eraser leave nothing that an undo would mistake for a stroke', () => {
    const state = new SliceState()
    state.tell('a', 'sha of one', ONE)
    state.painted('a', TWO)
    state.painted('a', ONE)
    expect(state.news({ a: 'sha of one' })).toEqual([])
    state.confirm('a', ONE)
    expect(state.waiting()).toEqual([])
    expect(state.tell('a', 'sha of two', TWO)).toBe(true)
  })

  it('a stroke under way is left alone while the content says the same as before', () => {
    const state = new SliceState()
    state.painted('a', ONE)
    expect(state.news({})).toEqual([])
    state.confirm('a', null)
    expect(state.waiting()).toEqual([['a', undefined]])
    expect(state.tell('a', 'sha of one', ONE)).toBe(false)
  })

  it('an erased slice is a stroke that leaves nothing', () => {
    const state = new SliceState()
    state.tell('a', 'sha of one', ONE)
    expect(state.hasChanged('a', slice())).toBe(true)
    expect(state.painted('a', slice())).toBeNull()
    expect(state.tell('a', undefined, null)).toBe(false)
    expect(state.hasChanged('a', slice())).toBe(false)
  })

  it('keeps its own copy of what was painted', () => {
    const state = new SliceState()
    const labels = slice(3)
    state.painted('a', labels)
    labels[0] = 4
    expect(state.hasChanged('a', labels)).toBe(true)
    state.refused('a', null)
    expect(state.baseline('a')).toBeNull()
  })
})

describe('comparing slices', () => {
  it('sees every label, also those beyond whole words and off word boundaries', () => {
    for (let i = 0; i < 7; i++) {
      const other = slice()
      other[i] = 9
      expect(areEqual(slice(), other)).toBe(false)
      expect(isBlank(other)).toBe(false)
    }
    const shifted = new Uint8Array(new Uint8Array(8).buffer, 1)
    expect(areEqual(shifted, slice())).toBe(true)
    expect(isBlank(shifted)).toBe(true)
  })
})
