import { beforeEach, describe, expect, it, vi } from 'vitest'
import { addRegion } from '../src/labeling/edits'
import type { Found } from '../src/labeling/journal'
import { ReadingSession } from '../src/labeling/ReadingSession'
import type { Region } from '../src/viewer/types'
import { FakeServer, MemoryJournal, problem, Tabs } from './fakes'

let server: FakeServer
let entries: Map<string, Found>
let tabs: Tabs
const clock = { take: () => 1, giveBack: () => undefined }
const open = async () => {
  const session = new ReadingSession('p', server, new MemoryJournal(entries), clock, tabs.join)
  await session.claim()
  return session
}

beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer(['a', 'b'])
  entries = new Map()
  tabs = new Tabs()
})

const stroke = (labels: number[], slice = '1:1') => ({
  layer: 0, series: 's', rows: 2, columns: 2, slices: new Map([[slice, Uint8Array.from(labels)]]),
})
/** Compression runs on real threads, whatever the clock of the test says. */
const painted = (session: ReadingSession) =>
  vi.waitFor(() => expect(session.snapshot.undoName).toBe('paint'))

describe('drawing', () => {
  const box: Region = {
    id: 'r', kind: 'box', label: 'nodule', name: '', answers: {}, sop_instance_uid: '1', frame: 1,
    pixels: [[0, 0], [1, 0], [1, 1], [0, 1]], points: null, is_hidden: false, is_locked: false,
  }

  it('saves regions, takes them back and names both steps', async () => {
    const session = await open()
    session.edit('draw', addRegion(box))
    expect(session.snapshot.undoName).toBe('draw')
    await vi.advanceTimersByTimeAsync(500)
    expect(server.drafts.get('a')?.content.regions).toEqual([box])
    await session.undoEdit()
    expect(session.snapshot).toMatchObject({ content: { answers: {} }, undoName: null, redoName: 'draw' })
    await vi.advanceTimersByTimeAsync(500)
    expect(server.drafts.get('a')?.content.regions).toBeUndefined()
  })

  it('takes answers away that another label does not ask for, and undo brings them back', async () => {
    const session = await open()
    session.edit('draw', addRegion({ ...box, answers: { shape: 'round' } }))
    expect(session.relabelRegion('r', 'mass')).toBe(1)
    expect(session.snapshot.content.regions).toEqual([{ ...box, label: 'mass' }])
    await session.undoEdit()
    expect(session.snapshot.content.regions).toEqual([{ ...box, answers: { shape: 'round' } }])
    expect(session.relabelRegion('r', 'nodule')).toBe(0)
  })

  it('says which label may be drawn how', async () => {
    const session = await open()
    expect(session.mayDraw({ label: 'mass', kind: 'box' })).toBe(false)
    expect(session.mayDraw({ label: 'mass', kind: 'polygon' })).toBe(true)
    expect(session.mayDraw({ label: 'nodule', kind: 'box' })).toBe(true)
    expect(session.mayDraw({ label: '', kind: 'length' })).toBe(true)
  })

  it('is saved within two seconds although the reader never pauses', async () => {
    const session = await open()
    for (let ms = 0; ms < 1900; ms += 100) {
      session.answer('size', ms, 'slider')
      await vi.advanceTimersByTimeAsync(100)
    }
    expect(server.drafts.get('a')?.content.answers['size']).toBeGreaterThanOrEqual(1400)
    await session.undoEdit()
    expect(session.snapshot.content.answers).toEqual({})
  })

  it('sends the bytes of a stroke before the draft that names them, and undoes the stroke', async () => {
    vi.useRealTimers()
    const session = await open()
    session.paint(stroke([1, 0, 0, 2]))
    await painted(session)
    await vi.waitFor(() => expect(server.drafts.get('a')?.content.masks).toHaveLength(1), 2000)
    const [sha256 = ''] = server.slices.keys()
    expect(await session.readMask(sha256)).toEqual(Uint8Array.from([1, 0, 0, 2]))
    session.paint(stroke([0, 0, 0, 0], '2:1'))
    await session.undoEdit()
    expect(session.snapshot.content.masks?.[0]).toMatchObject({ slices: { '1:1': sha256 } })
    session.dispose()
  })

  it('hands in a stroke that was painted just before', async () => {
    vi.useRealTimers()
    const session = await open()
    session.choose('nodule', 'yes')
    session.paint(stroke([1, 0, 0, 2]))
    await session.submit()
    expect(server.submitted).toEqual(['a'])
    expect(server.drafts.get('a')?.content.masks).toMatchObject([{ slices: { '1:1': [...server.slices.keys()][0] } }])
    session.dispose()
  })

  it('brings strokes of a crashed page back with their bytes', async () => {
    vi.useRealTimers()
    server.isAway = true
    server.claimNext = () => Promise.resolve(server.reading('a'))
    const crashed = await open()
    crashed.paint(stroke([3, 0, 0, 0]))
    await painted(crashed)
    crashed.dispose()
    server.isAway = false
    const session = await open()
    const layer = session.snapshot.content.masks?.[0] as { slices: Record<string, string> }
    expect(await session.readMask(layer.slices['1:1'] ?? '')).toEqual(Uint8Array.from([3, 0, 0, 0]))
    await vi.waitFor(() => expect(server.drafts.get('a')?.content.masks).toHaveLength(1), 2000)
    session.dispose()
  })

  it('brings them back without labels that the read does not know, which had kept the draft from being saved', async () => {
    vi.useRealTimers()
    server.isAway = true
    server.claimNext = () => Promise.resolve(server.reading('a'))
    const crashed = await open()
    crashed.paint({ ...stroke([9, 1, 0, 0]), slices: new Map([['1:1', Uint8Array.from([9, 1, 0, 0])], ['2:1', Uint8Array.from([0, 9, 0, 0])]]) })
    await painted(crashed)
    crashed.dispose()
    server.isAway = false
    const session = await open()
    const { slices } = session.snapshot.content.masks?.[0] as { slices: Record<string, string> }
    expect(Object.keys(slices)).toEqual(['1:1'])
    expect(await session.readMask(slices['1:1'] ?? '')).toEqual(Uint8Array.from([0, 1, 0, 0]))
    await vi.waitFor(() => expect(server.slices.has(slices['1:1'] ?? '')).toBe(true), 2000)
    session.dispose()
  })

  it('sends slices again that the server has collected meanwhile', async () => {
    vi.useRealTimers()
    const session = await open()
    session.paint(stroke([1, 0, 0, 2]))
    await painted(session)
    await vi.waitFor(() => expect(server.drafts.get('a')?.version).toBe(2), 2000)
    await session.undoEdit()
    await vi.waitFor(() => expect(server.drafts.get('a')?.version).toBe(3), 2000)
    server.slices.clear()
    await session.redoEdit()
    await vi.waitFor(() => expect(server.drafts.get('a')?.version).toBe(4), 2000)
    expect(server.slices.size).toBe(1)
    session.dispose()
  })

  it('takes no stroke while two versions wait for a decision', async () => {
    const session = await open()
    server.drafts.set('a', { version: 7, content: { answers: {} } })
    session.choose('nodule', 'yes')
    await vi.advanceTimersByTimeAsync(500)
    expect(session.paint(stroke([1, 1, 1, 1]))).toBe(false)
    expect(session.edit('draw', addRegion(box))).toBe(false)
  })
})

describe('a stroke that is still being compressed', () => {
  it('takes back what came after a stroke first, however long the stroke was being compressed', async () => {
    vi.useRealTimers()
    const session = await open()
    session.paint(stroke([1, 0, 0, 2]))
    session.choose('nodule', 'yes')
    await session.undoEdit()
    expect(session.snapshot).toMatchObject({ content: { answers: {} }, undoName: 'paint', redoName: 'answer' })
    expect(session.snapshot.content.masks).toHaveLength(1)
    await session.undoEdit()
    expect(session.snapshot).toMatchObject({ content: { answers: {} }, undoName: null })
    expect(session.snapshot.content.masks ?? []).toEqual([])
    session.dispose()
  })

  it('has nothing to take back of a stroke that changed nothing', async () => {
    vi.useRealTimers()
    const session = await open()
    session.paint({ ...stroke([]), slices: new Map([['1:1', null]]) })
    await session.undoEdit()
    expect(session.snapshot).toMatchObject({ content: { answers: {} }, undoName: null, redoName: null })
    session.dispose()
  })
})

describe('two tabs', () => {
  it('follow each other while nothing is unsaved', async () => {
    const [one, two] = [await open(), await open()]
    one.choose('nodule', 'yes')
    await vi.advanceTimersByTimeAsync(500)
    expect(two.snapshot.content.answers).toEqual({ nodule: 'yes' })
    two.choose('nodule', 'no')
    await vi.advanceTimersByTimeAsync(500)
    expect(server.drafts.get('a')).toEqual({ version: 3, content: { answers: { nodule: 'no' } } })
    expect(one.snapshot.content.answers).toEqual({ nodule: 'no' })
  })

  it('show both versions where both changed', async () => {
    const [one, two] = [await open(), await open()]
    one.choose('nodule', 'yes')
    two.choose('nodule', 'no')
    await vi.advanceTimersByTimeAsync(500)
    expect(one.snapshot.save.kind).toBe('saved')
    expect(two.snapshot).toMatchObject({
      content: { answers: { nodule: 'no' } },
      save: { kind: 'conflict', theirs: { content: { answers: { nodule: 'yes' } } } },
    })
  })
})

describe('suggestions and skipping', () => {
  it('holds the first impression fast through undo', async () => {
    const session = await open()
    session.choose('nodule', 'yes')
    server.proposed = [{ id: 's', source: 'm', created_at: '', content: {} }]
    await session.reveal(new Date(0))
    expect(session.snapshot.suggestions).toEqual(server.proposed)
    session.recordSuggestion('s', 'shown', new Date(0))
    await session.undoEdit()
    expect(session.snapshot.content).toEqual({
      answers: {}, first_impression: { answers: { nodule: 'yes' }, at: '1970-01-01T00:00:00.000Z' },
      suggestions: [{ id: 's', action: 'shown', at: '1970-01-01T00:00:00.000Z' }],
    })
  })

  it('holds nothing fast that the server refuses: nobody could mend it afterwards', async () => {
    const session = await open()
    session.choose('nodule', 'yes')
    const refusing = vi.spyOn(server, 'saveDraft').mockRejectedValue(problem(400, 'invalid'))
    await session.reveal(new Date(0))
    expect(session.snapshot.save.kind).toBe('refused')
    expect(session.snapshot.content.first_impression).toBeUndefined()
    refusing.mockRestore()
    session.choose('nodule', 'no')
    await session.reveal(new Date(0))
    expect(session.snapshot.content.first_impression).toMatchObject({ answers: { nodule: 'no' } })
  })

  it('holds fast what was drawn as well, and nothing while an answer is missing', async () => {
    const session = await open()
    const region: Region = {
      id: 'r', kind: 'point', label: 'nodule', name: '', answers: {}, sop_instance_uid: '1', frame: 1,
      pixels: [[0, 0]], points: null, is_hidden: false, is_locked: false,
    }
    session.edit('draw', addRegion(region))
    await session.reveal(new Date(0))
    expect(session.snapshot).toMatchObject({ missing: 'nodule', missingAt: { scope: 'study' } })
    expect(session.snapshot.content.first_impression).toBeUndefined()
    session.choose('nodule', 'yes')
    await session.reveal(new Date(0))
    expect(session.snapshot.content.first_impression).toEqual(
      { answers: { nodule: 'yes' }, regions: [region], at: '1970-01-01T00:00:00.000Z' })
  })

  it('can be asked for again when they failed to come after the impression was held fast', async () => {
    const session = await open()
    session.choose('nodule', 'yes')
    server.proposed = [{ id: 's', source: 'm', created_at: '', content: {} }]
    vi.spyOn(server, 'suggestions').mockRejectedValueOnce(problem(500, 'error'))
    await session.reveal(new Date(0))
    expect(session.snapshot).toMatchObject({ message: 'error', isRevealed: false })
    await session.reveal(new Date(1))
    expect(session.snapshot).toMatchObject({ message: '', isRevealed: true, suggestions: [{ id: 's' }] })
    expect(session.snapshot.content.first_impression?.at).toBe('1970-01-01T00:00:00.000Z')
  })

  it('are not taken as none while the server has not got the impression', async () => {
    const session = await open()
    session.choose('nodule', 'yes')
    server.saveDraft = () => Promise.reject(problem(500, 'error'))
    await session.reveal(new Date(0))
    expect(session.snapshot).toMatchObject({ isRevealed: false, save: { kind: 'troubled' } })
  })

  it('are recorded as seen when they were seen beside a conflict', async () => {
    const session = await open()
    server.drafts.set('a', { version: 7, content: { answers: { nodule: 'no' } } })
    session.choose('nodule', 'yes')
    await vi.advanceTimersByTimeAsync(500)
    session.recordSuggestion('s', 'shown', new Date(0))
    session.takeTheirs()
    await vi.advanceTimersByTimeAsync(500)
    expect(server.drafts.get('a')?.content).toEqual({
      answers: { nodule: 'no' }, suggestions: [{ id: 's', action: 'shown', at: '1970-01-01T00:00:00.000Z' }],
    })
  })

  it('skips with the reason and goes on', async () => {
    const session = await open()
    await session.skip('wrong body part')
    expect(server.skipped).toEqual(['wrong body part'])
    expect(session.snapshot.reading?.annotation.id).toBe('b')
  })
})

describe('undo that waits for a stroke', () => {
  it('takes no stroke that shows what is about to be undone', async () => {
    vi.useRealTimers()
    const session = await open()
    session.paint(stroke([1, 0, 0, 2]))
    const undone = session.undoEdit()
    expect(session.paint(stroke([1, 3, 3, 2]))).toBe(false)
    await undone
    expect(session.snapshot.content.masks).toBeUndefined()
    expect(session.paint(stroke([0, 3, 3, 0]))).toBe(true)
    session.dispose()
  })

  it('undoes nothing where the reader went on while a stroke was waited for', async () => {
    vi.useRealTimers()
    const session = await open()
    session.paint(stroke([1, 0, 0, 2]))
    const undone = session.undoEdit()
    session.choose('nodule', 'yes')
    await undone
    expect(session.snapshot.content).toMatchObject({ answers: { nodule: 'yes' }, masks: [{}] })
    session.dispose()
  })
})

describe('a stroke that cannot be kept', () => {
  const broken = {
    layer: 0, series: 's', rows: 2, columns: 2, slices: new Map([['1:1', Uint8Array.from([1, 2, 3])]]),
  }
  const fine = { ...broken, slices: new Map([['1:1', Uint8Array.from([1, 2, 3, 4])]]) }

  it('is no saved state, is not handed in without, and undo gives it up', async () => {
    vi.useRealTimers()
    const session = await open()
    const dropped = vi.fn()
    session.choose('nodule', 'yes')
    session.paint({ ...broken, outcome: { kept: vi.fn(), dropped } })
    await vi.waitFor(() => expect(session.snapshot.save).toMatchObject({ kind: 'unkept' }))
    await session.submit()
    expect(server.submitted).toEqual([])
    expect(session.snapshot.save.kind).toBe('unkept')
    await session.undoEdit()
    expect(dropped).toHaveBeenCalledOnce()
    expect(session.snapshot.save.kind).not.toBe('unkept')
    expect(session.snapshot.content.answers).toEqual({ nodule: 'yes' })
    await session.submit()
    expect(server.submitted).toEqual(['a'])
    session.dispose()
  })

  it('is at risk from the moment it is painted, and with it what waits behind', async () => {
    vi.useRealTimers()
    const session = await open()
    session.paint(fine)
    expect(session.isAtRisk).toBe(true)
    await vi.waitFor(() => expect(session.snapshot.undoName).toBe('paint'))
    expect(session.isAtRisk).toBe(false) // the journal has it
    session.paint(broken)
    session.paint(fine)
    await vi.waitFor(() => expect(session.snapshot.save.kind).toBe('unkept'))
    await session.undoEdit()
    expect(session.isAtRisk).toBe(true)
    await session.undoEdit()
    expect(session.isAtRisk).toBe(false)
    session.dispose()
  })

  it('says what becomes of a stroke before the document has it', async () => {
    vi.useRealTimers()
    const session = await open()
    const kept = vi.fn(() => expect(session.snapshot.content.masks).toBeUndefined())
    session.paint({ ...fine, outcome: { kept, dropped: vi.fn() } })
    await vi.waitFor(() => expect(session.snapshot.undoName).toBe('paint'))
    expect(kept).toHaveBeenCalledOnce()
    session.dispose()
  })
})
