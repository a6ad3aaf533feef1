import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Content } from '../src/labeling/content'
import { MAX_STEPS, ReadingDocument } from '../src/labeling/document'
import * as edits from '../src/labeling/edits'
import type { Region } from '../src/viewer/types'

const region = (id: string, part: Partial<Region> = {}): Region => ({
  id, kind: 'box', label: 'nodule', name: '', answers: {}, sop_instance_uid: '1.2.3', frame: 1,
  pixels: [[0, 0], [4, 0], [4, 4], [0, 4]], points: null, is_hidden: false, is_locked: false, ...part,
})
const series = { layer: 0, series_instance_uid: '1.2', rows: 4, columns: 4 }
const slice = (place: string, sha256: string | null) => new Map([[place, sha256]])

let document: ReadingDocument
const content = (): Content => document.content
const json = () => JSON.stringify(document.content)

beforeEach(() => {
  document = new ReadingDocument({ answers: {} })
})

/** The nth of a mixture of everything a reader does. */
function act(n: number): boolean {
  const id = `r${Math.floor(n / 10)}`
  const actions = [
    () => document.edit('answer', edits.answer('size', n)),
    () => document.edit('draw', edits.addRegion(region(id))),
    () => document.edit('move', edits.moveRegion(region(id, { pixels: [[n, n]], points: [[n, 0, 0]] }))),
    () => document.edit('rename', edits.renameRegion(id, `finding ${n}`)),
    () => document.edit('paint', edits.paint(series, slice(`1.2.3:${n}`, `sha of ${n}`))),
    () => document.edit('lock', edits.lockRegion(id, true)),
    () => document.edit('hide', edits.hideRegion(id, true)),
    () => document.edit('answer', edits.answerScoped({ series_instance_uid: '1.2' }, 'phase', `p${n}`)),
    () => document.edit('unlock', edits.lockRegion(id, false)),
    () => document.edit(n % 20 === 9 ? 'delete' : 'relabel',
      n % 20 === 9 ? edits.deleteRegion(id) : edits.relabelRegion(id, 'cyst', () => true)),
  ]
  return actions[n % actions.length]?.() ?? false
}

describe('history', () => {
  it('restores every earlier content byte by byte over 60 mixed actions, and comes back', () => {
    const seen = [json()]
    for (let n = 0; n < 60; n++) {
      expect(act(n)).toBe(true)
      seen.push(json())
    }
    expect(new Set(seen).size).toBe(61)
    for (let n = 59; n >= 0; n--) {
      document.undo()
      expect(json()).toBe(seen[n])
    }
    expect(document.canUndo).toBe(false)
    for (let n = 1; n <= 60; n++) {
      document.redo()
      expect(json()).toBe(seen[n])
    }
    expect(document.canRedo).toBe(false)
  })

  it('takes a gesture back as a whole, and the next gesture apart', () => {
    document.edit('draw', edits.addRegion(region('a')))
    for (const [gesture, x] of [['one', 1], ['one', 2], ['two', 3]] as const) {
      document.edit('move', edits.moveRegion(region('a', { pixels: [[x, x]] })), { gesture })
    }
    document.undo()
    expect(content().regions?.[0]?.pixels).toEqual([[2, 2]])
    document.undo()
    expect(content().regions?.[0]?.pixels).toEqual(region('a').pixels)
  })

  it('does not add to a gesture that was taken back', () => {
    document.edit('size', edits.answer('size', 1), { gesture: 'slider' })
    document.undo()
    document.redo()
    document.edit('size', edits.answer('size', 2), { gesture: 'slider' })
    document.undo()
    expect(content().answers).toEqual({ size: 1 })
  })

  it('keeps what comes late of an operation in the step it began', () => {
    const answered = edits.answer('size', 1)
    document.edit('smooth', edits.paint(series, slice('1:1', 'x')), { gesture: 'stroke 1' })
    document.edit('answer', answered)
    expect(document.amend('stroke 1', edits.paint(series, slice('2:1', 'y')))).toBe(true)
    const whole = content()
    expect(whole).toEqual({ answers: { size: 1 }, masks: [{ ...series, slices: { '1:1': 'x', '2:1': 'y' } }] })
    document.undo()
    expect(content()).toEqual({ answers: {}, masks: whole.masks })
    document.undo()
    expect(content()).toEqual({ answers: {} })
    document.redo()
    document.redo()
    expect(content()).toEqual(whole)
    expect(document.amend('stroke 1', edits.paint(series, slice('3:1', 'z')))).toBe(false) // a redone step is closed
    expect(content()).toBe(whole)
  })

  it('names the steps and forgets what was undone once something else is done', () => {
    document.edit('answer', edits.answer('size', 1))
    document.edit('draw', edits.addRegion(region('a')))
    document.undo()
    expect([document.undoName, document.redoName]).toEqual(['answer', 'draw'])
    document.edit('answer', edits.answer('size', 2))
    expect(document.canRedo).toBe(false)
  })

  it('keeps the last 200 steps', () => {
    for (let n = 0; n <= MAX_STEPS; n++) document.edit('answer', edits.answer('size', n))
    while (document.canUndo) document.undo()
    expect(content().answers).toEqual({ size: 0 })
  })

  it('never takes the first impression back', () => {
    document.edit('answer', edits.answer('size', 1))
    document.stamp(edits.commitFirstImpression(content(), '2026-01-01T00:00:00Z'))
    document.edit('answer', edits.answer('size', 2))
    while (document.canUndo) document.undo()
    expect(content()).toEqual({
      answers: {}, first_impression: { answers: { size: 1 }, at: '2026-01-01T00:00:00Z' },
    })
  })

  it('tells what it shows, and nothing where nothing changed', () => {
    const listener = vi.fn()
    document.subscribe(listener)
    expect(document.edit('answer', edits.answer('size', null))).toBe(false)
    expect(listener).not.toHaveBeenCalled()
    document.edit('answer', edits.answer('size', 1))
    document.undo()
    expect(listener.mock.calls).toEqual([[{ answers: { size: 1 } }], [{ answers: {} }]])
  })
})

describe('regions', () => {
  it('takes the frame along that a region was moved to, and back again', () => {
    document.edit('draw', edits.addRegion(region('a', { kind: 'point', pixels: [[3, 3]] })))
    document.edit('move', edits.moveRegion(region('a', { sop_instance_uid: '1.2.4', frame: 2, pixels: [[3, 3]] })))
    expect(content().regions?.[0]).toMatchObject({ sop_instance_uid: '1.2.4', frame: 2 })
    document.undo()
    expect(content().regions?.[0]).toMatchObject({ sop_instance_uid: '1.2.3', frame: 1 })
  })

  it('refuses every change of a locked region, but hides and unlocks it', () => {
    document.edit('draw', edits.addRegion(region('a', { is_locked: true })))
    const before = json()
    expect(document.edit('move', edits.moveRegion(region('a', { pixels: [[9, 9]] })))).toBe(false)
    expect(document.edit('rename', edits.renameRegion('a', 'x'))).toBe(false)
    expect(document.edit('relabel', edits.relabelRegion('a', 'x', () => true))).toBe(false)
    expect(document.edit('answer', edits.answerRegion('a', 'size', 3))).toBe(false)
    expect(document.edit('delete', edits.deleteRegion('a'))).toBe(false)
    expect(json()).toBe(before)
    expect(document.edit('hide', edits.hideRegion('a', true))).toBe(true)
    document.edit('unlock', edits.lockRegion('a', false))
    expect(document.edit('delete', edits.deleteRegion('a'))).toBe(true)
    expect(content().regions).toBeUndefined()
  })

  it('shares what did not change with the content before', () => {
    document.edit('draw', edits.addRegion(region('a')))
    document.edit('draw', edits.addRegion(region('b')))
    const kept = content().regions?.[0]
    document.edit('rename', edits.renameRegion('b', 'second'))
    expect(content().regions?.[0]).toBe(kept)
  })
})

describe('masks', () => {
  it('names only slices that hold a label, and no layer without any', () => {
    document.edit('paint', edits.paint(series, new Map([['1:1', 'x'], ['2:1', 'y']])))
    document.edit('erase', edits.paint(series, slice('1:1', null)))
    expect(content().masks).toEqual([{ ...series, slices: { '2:1': 'y' } }])
    document.edit('erase', edits.paint(series, slice('2:1', null)))
    expect(content()).toEqual({ answers: {} })
  })

  it('leaves imported masks alone', () => {
    document = new ReadingDocument({ answers: {}, masks: [{ sha256: 'imported' }] })
    document.edit('paint', edits.paint(series, slice('1:1', 'x')))
    document.edit('erase', edits.paint(series, slice('1:1', null)))
    expect(content().masks).toEqual([{ sha256: 'imported' }])
  })
})

describe('answers of places and suggestions', () => {
  it('keeps one entry per place and drops it when it is empty', () => {
    const frame = { sop_instance_uid: '1.2.3', frame: 2 }
    document.edit('answer', edits.answerScoped(frame, 'quality', 'good'))
    document.edit('answer', edits.answerScoped(frame, 'view', 'ap'))
    expect(content().scoped).toEqual([{ ...frame, answers: { quality: 'good', view: 'ap' } }])
    document.edit('answer', edits.answerScoped(frame, 'view', null))
    document.edit('answer', edits.answerScoped(frame, 'quality', null))
    expect(content().scoped).toBeUndefined()
  })

  it('takes over what is suggested for a series beside what was answered there', () => {
    const series = { series_instance_uid: '1.2' }
    document.edit('answer', edits.answerScoped(series, 'quality', 'good'))
    const proposed = { scoped: [{ ...series, answers: { moved: 'yes' }, probabilities: { moved: { yes: 1 } } }] }
    document.edit('suggestion_accepted', edits.takeSuggestion(proposed, { id: 's', action: 'accepted', at: 'now' }))
    expect(content().scoped).toEqual([{ ...series, answers: { quality: 'good', moved: 'yes' } }])
    document.undo()
    expect(content().scoped).toEqual([{ ...series, answers: { quality: 'good' } }])
  })

  it('remembers the latest use of a suggestion', () => {
    const use = (action: 'shown' | 'accepted' | 'refused') =>
      document.edit(action, edits.recordSuggestion({ id: 's', action, at: action }))
    expect([use('shown'), use('accepted'), use('shown'), use('refused')]).toEqual([true, true, false, true])
    expect(content().suggestions).toEqual([{ id: 's', action: 'refused', at: 'refused' }])
  })
})
