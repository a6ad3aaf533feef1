import { describe, expect, it } from 'vitest'
import { areEqual, isBlank, SliceState } from '../src/viewer/masks/sliceState'

const slice = (...labels: number[]) => Uint8Array.from({ length: 7 }, (_, i) => labels[i] ?? 0)
const [ONE, TWO] = [slice(1), slice(1, 2)]

describe('what a hand changed and what the content changed', () => {
  it('a slice with strokes under way is ahead of the content, not behind it', () => {
    const state = new SliceState()
    state.painted('a', ONE)
    state.painted('a', TWO)
    expect(state.isBehind('a', undefined)).toBe(false)
    state.kept('a', 'sha of one')
    expect(state.isBehind('a', 'sha of one')).toBe(false)
    expect(state.baseline('a')).toEqual(TWO)
    state.kept('a', 'sha of two')
    expect(state.behind({ a: 'sha of two' })).toEqual([])
  })

  it('undo is written', () => {
    const state = new SliceState()
    state.written('a', 'sha of one', ONE)
    state.painted('a', TWO)
    state.kept('a', 'sha of two')
    expect(state.behind({ a: 'sha of one' })).toEqual(['a'])
    state.written('a', 'sha of one', ONE)
    expect(state.baseline('a')).toEqual(ONE)
    expect(state.behind({})).toEqual(['a'])
    state.written('a', undefined, null)
    expect(state.baseline('a')).toBeNull()
  })

  it('a stroke that was undone before anybody looked is written back', () => {
    const state = new SliceState()
    state.written('a', 'sha of one', ONE)
    state.painted('a', TWO)
    state.kept('a', 'sha of two')
    expect(state.behind({ a: 'sha of one' })).toEqual(['a'])
  })

  it('a stroke that took everything away, and was undone, too', () => {
    const state = new SliceState()
    state.painted('a', ONE)
    state.kept('a', 'sha of one')
    state.painted('a', slice())
    state.kept('a', null)
    expect(state.isBehind('a', undefined)).toBe(false)
    expect(state.behind({ a: 'sha of one' })).toEqual(['a'])
  })

  it('a stroke that is never kept is taken off, whatever the content says', () => {
    const state = new SliceState()
    state.painted('a', ONE)
    state.dropped('a')
    expect(state.behind({})).toEqual(['a'])
    state.written('a', undefined, null)
    expect(state.behind({})).toEqual([])
  })

  it('a stroke that was given up behind another is taken off once that is kept', () => {
    const state = new SliceState()
    state.painted('a', ONE)
    state.painted('a', TWO)
    state.dropped('a')
    expect(state.behind({})).toEqual([])
    expect(state.fallBack('a')).toEqual(ONE)
    expect(state.hasChanged('a', ONE)).toBe(false) // a stroke on top of it takes nothing along
    state.kept('a', 'sha of one')
    expect(state.fallBack('a')).toBeUndefined()
    expect(state.behind({ a: 'sha of one' })).toEqual(['a'])
    state.written('a', 'sha of one', ONE)
    expect(state.baseline('a')).toEqual(ONE)
    expect(state.behind({ a: 'sha of one' })).toEqual([])
    state.painted('a', TWO)
    state.kept('a', 'sha of two')
    expect(state.behind({ a: 'sha of two' })).toEqual([])
  })

  it('an erased slice is a stroke that leaves nothing', () => {
    const state = new SliceState()
    state.written('a', 'sha of one', ONE)
    expect(state.hasChanged('a', slice())).toBe(true)
    expect(state.painted('a', slice())).toBeNull()
    state.kept('a', null)
    expect(state.isBehind('a', undefined)).toBe(false)
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
    expect(state.behind({})).toEqual([])
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
