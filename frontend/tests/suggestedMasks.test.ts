import { beforeEach, describe, expect, it, vi } from 'vitest'
import { drawnMasks } from '../src/labeling/content'
import type { ReadingSession } from '../src/labeling/ReadingSession'
import { address, encodeSlice } from '../src/labeling/sliceFormat'
import { asSuggested, isUndecided, proposedBy } from '../src/labeling/suggested'
import { knownLabels } from '../src/viewer/masks/knownLabels'
import type { Region } from '../src/viewer/types'
import { FakeServer, openSession } from './fakes'

const NOW = new Date(0)
const box: Region = {
  id: 'r', kind: 'box', label: 'nodule', name: '', answers: {}, sop_instance_uid: '1', frame: 1,
  pixels: [[0, 0], [1, 0], [1, 1], [0, 1]], points: null, is_hidden: false, is_locked: false,
}
let server: FakeServer
const sessions: ReadingSession[] = []

/** A session whose model suggests an answer, a box and these labels on the slice 1:1. */
async function suggested(labels: number[]): Promise<{ session: ReadingSession; sha256: string }> {
  const bytes = await encodeSlice({ rows: 2, columns: 2, labels: Uint8Array.from(labels) })
  const sha256 = await address(bytes)
  server.suggestedSlices.set(sha256, bytes)
  const mask = { layer: 0, series_instance_uid: 's', rows: 2, columns: 2, slices: { '1:1': sha256 } }
  const content = { answers: { nodule: 'yes' }, regions: [box], masks: [mask] }
  const original = server.claimNext.bind(server)
  server.claimNext = async () => {
    const reading = await original()
    return reading && { ...reading, suggestions: [{ id: 'one', source: 'm', created_at: '', content }] }
  }
  const session = await openSession(server)
  sessions.push(session)
  return { session, sha256 }
}

const sliceOf = (session: ReadingSession) => drawnMasks(session.snapshot.content)[0]?.slices['1:1'] ?? ''

beforeEach(() => {
  for (const session of sessions.splice(0)) session.dispose()
  server = new FakeServer(['a', 'b'])
})

describe('a suggested mask', () => {
  it('joins the read with the answer and the box as one step, without an upload', async () => {
    const { session, sha256 } = await suggested([0, 1, 1, 0])
    expect(session.takeSuggestion('one', 'accepted', NOW)).toBe(true)
    await vi.waitFor(() => expect(session.snapshot.undoName).toBe('suggestion_accepted'))
    expect(session.snapshot.content).toMatchObject({
      answers: { nodule: 'yes' }, regions: [box], suggestions: [{ id: 'one', action: 'accepted' }],
    })
    expect(sliceOf(session)).toBe(sha256)
    await vi.waitFor(() => expect(server.drafts.get('a')?.content.masks).toHaveLength(1), 2000)
    expect(server.uploads).toBe(0)
    await session.undoEdit()
    expect(session.snapshot.content).toEqual({ answers: {} })
    await session.redoEdit()
    expect(sliceOf(session)).toBe(sha256)
  })

  it('leaves what the reader has painted, and only the united slice is sent', async () => {
    const { session } = await suggested([1, 1, 0, 0])
    const slices = new Map([['1:1', Uint8Array.from([2, 0, 2, 0])]])
    session.paint({ layer: 0, series: 's', rows: 2, columns: 2, slices })
    session.takeSuggestion('one', 'edited', NOW)
    await vi.waitFor(() => expect(session.snapshot.undoName).toBe('suggestion_edited'))
    expect(await session.readMask(sliceOf(session))).toEqual(Uint8Array.from([2, 1, 2, 0]))
    await vi.waitFor(() => expect(server.slices.has(sliceOf(session))).toBe(true), 2000)
    await session.undoEdit()
    expect(await session.readMask(sliceOf(session))).toEqual(Uint8Array.from([2, 0, 2, 0]))
  })

  it('is taken without labels that are no segments of its layer: the draft could never be saved', async () => {
    const { session } = await suggested([9, 1, 0, 4])
    session.takeSuggestion('one', 'accepted', NOW)
    await vi.waitFor(() => expect(session.snapshot.undoName).toBe('suggestion_accepted'))
    expect(await session.readMask(sliceOf(session))).toEqual(Uint8Array.from([0, 1, 0, 0]))
    await vi.waitFor(() => expect(server.slices.has(sliceOf(session))).toBe(true), 2000)
  })

  it('is taken without slices that hold no other labels, with its answers all the same', async () => {
    const { session } = await suggested([9, 0, 0, 4])
    session.takeSuggestion('one', 'accepted', NOW)
    await vi.waitFor(() => expect(session.snapshot.undoName).toBe('suggestion_accepted'))
    expect(session.snapshot.content.masks).toBeUndefined()
    expect(session.snapshot.content).toMatchObject({ answers: { nodule: 'yes' }, suggestions: [{ action: 'accepted' }] })
  })

  it('can be looked at before anything is taken over', async () => {
    const { session, sha256 } = await suggested([0, 0, 0, 1])
    await session.loadSuggested('one')
    expect(await session.readMask(sha256)).toEqual(Uint8Array.from([0, 0, 0, 1]))
    expect(session.snapshot.content).toEqual({ answers: {} })
  })

  it('changes nothing and says so when its slices cannot be loaded', async () => {
    const { session } = await suggested([1, 0, 0, 0])
    server.isAway = true
    session.takeSuggestion('one', 'accepted', NOW)
    await vi.waitFor(() => expect(session.snapshot.message).toContain('kept here'))
    expect(session.snapshot.content).toEqual({ answers: {} })
  })

  describe('that is still being fetched', () => {
    /** A session in which it was accepted; its slices come when they are let. */
    const accepted = async () => {
      const { session } = await suggested([1, 0, 0, 0])
      let come: () => void = () => undefined
      const fetched = new Promise<void>((resolve) => {
        come = resolve
      })
      const original = server.loadSuggestedMasks.bind(server)
      server.loadSuggestedMasks = () => fetched.then(original)
      expect(session.takeSuggestion('one', 'accepted', NOW)).toBe(true)
      return { session, come }
    }

    it('is at risk, is taken once, and comes before the read is handed in', async () => {
      const { session, come } = await accepted()
      expect(session.snapshot.isTaking).toBe(true)
      expect(session.isAtRisk).toBe(true)
      expect(session.takeSuggestion('one', 'edited', NOW)).toBe(false)
      session.choose('nodule', 'yes')
      const handing = session.submit()
      come()
      await handing
      expect(server.drafts.get('a')?.content).toMatchObject({ masks: [{}], suggestions: [{ id: 'one', action: 'accepted' }] })
      expect(session.snapshot.isTaking).toBe(false)
    })

    it('lets strokes go on, and keeps what the reader answered meanwhile', async () => {
      const { session, come } = await accepted()
      session.paint({ layer: 0, series: 's', rows: 2, columns: 2, slices: new Map([['1:1', Uint8Array.from([0, 0, 0, 2])]]) })
      await vi.waitFor(() => expect(session.snapshot.undoName).toBe('paint'))
      session.choose('nodule', 'no')
      come()
      await vi.waitFor(() => expect(session.snapshot.undoName).toBe('suggestion_accepted'))
      expect(session.snapshot.content).toMatchObject({ answers: { nodule: 'no' }, regions: [box] })
      expect(await session.readMask(sliceOf(session))).toEqual(Uint8Array.from([1, 0, 0, 2]))
    })

    it('is given up, and that is said, where the reader refused it meanwhile', async () => {
      const { session, come } = await accepted()
      session.recordSuggestion('one', 'refused', NOW)
      come()
      await vi.waitFor(() => expect(session.snapshot.message).toContain('not taken over'))
      expect(session.snapshot.content).toMatchObject({ answers: {}, suggestions: [{ action: 'refused' }] })
      expect(session.snapshot.content.regions).toBeUndefined()
    })

    it('is given up where two versions came up meanwhile', async () => {
      const { session, come } = await accepted()
      server.drafts.set('a', { version: 7, content: { answers: { nodule: 'no' } } })
      session.choose('nodule', 'yes')
      await vi.waitFor(() => expect(session.snapshot.save.kind).toBe('conflict'), 2000)
      come()
      await vi.waitFor(() => expect(session.snapshot.message).toContain('not taken over'))
      expect(session.snapshot.content).toEqual({ answers: { nodule: 'yes' } })
    })
  })

  it('is refused as a step that can be taken back', async () => {
    const { session } = await suggested([1, 0, 0, 0])
    session.recordSuggestion('one', 'shown', NOW)
    session.recordSuggestion('one', 'refused', NOW)
    expect(isUndecided(session.snapshot.content, 'one')).toBe(false)
    await session.undoEdit()
    expect(isUndecided(session.snapshot.content, 'one')).toBe(true)
  })
})

describe('suggested content', () => {
  it('keeps only what can be drawn', () => {
    const mask = { layer: 1, series_instance_uid: 's', rows: 1, columns: 1, slices: {} }
    expect(proposedBy({ content: { masks: [mask, { sha256: 'x' }] } }).masks).toEqual([mask])
    expect(proposedBy({})).toEqual({ answers: {}, scoped: [], regions: [], masks: [] })
  })

  it('shows only the segments of its layer', () => {
    const segments = [{ value: 1 }, { value: 2, layer: 1 }]
    const known = Uint8Array.from([0, 1, 1])
    expect(knownLabels(known, 0, segments)).toBe(known)
    expect(knownLabels(Uint8Array.from([0, 1, 2, 3]), 0, segments)).toEqual(Uint8Array.from([0, 1, 0, 0]))
    expect(knownLabels(Uint8Array.from([0, 1, 2, 3]), 1, segments)).toEqual(Uint8Array.from([0, 0, 2, 0]))
  })

  it('is drawn locked, and not beside its own copy in the read', () => {
    expect(asSuggested([{ ...box, is_hidden: true }], [])).toEqual([{ ...box, is_locked: true, isSuggested: true }])
    expect(asSuggested([box], [box])).toEqual([])
  })
})
