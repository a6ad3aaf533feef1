import 'fake-indexeddb/auto'
import { deleteDB } from 'idb'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Draft, UNHEARD } from '../src/labeling/Draft'
import { Journal, recovery } from '../src/labeling/journal'
import { problem } from './fakes'
import { MemoryStorage } from './fakeStorage'

const content = (size: number) => ({ answers: { size } })
const bytes = (n: number) => new Uint8Array([n, n])
const NONE = new Map<string, never>()
let storage: MemoryStorage

beforeEach(async () => {
  indexedDB = new IDBFactory()
  await deleteDB('firstread')
  storage = new MemoryStorage()
})

describe('the journal', () => {
  it('keeps the last of many writes with its slices for the next page', async () => {
    const journal = new Journal(storage)
    for (let n = 0; n < 20; n++) {
      journal.write('a', { version: 3, content: content(n) }, new Map([[`sha ${n}`, bytes(n)]]))
    }
    await journal.settled()
    const found = await new Journal(storage).read('a')
    expect(found).toMatchObject({ version: 3, content: content(19) })
    expect(found?.slices.get('sha 19')).toEqual(bytes(19))
  })

  it('holds the last change synchronously, until the database has it', async () => {
    const journal = new Journal(storage)
    journal.write('a', { version: 1, content: content(1) }, NONE)
    expect(storage.values.get('firstread.journal.a')).toContain('"size":1')
    await journal.settled()
    expect(storage.values.size).toBe(0)
  })

  it('finds the synchronous copy of a page that went away before the database was written', async () => {
    const gone = new Journal(storage)
    gone.write('a', { version: 1, content: content(1) }, NONE)
    await gone.settled()
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
      throw new Error('the page is gone')
    })
    gone.write('a', { version: 1, content: content(2) }, NONE)
    await gone.settled()
    vi.restoreAllMocks()
    const journal = new Journal(storage)
    const found = await journal.read('a')
    expect(found?.content).toEqual(content(2))
    expect(storage.values.size).toBe(0)
    await journal.drop('a', found?.key ?? '') // it is on the server now
    expect(await new Journal(storage).read('a')).toBeNull()
  })

  it('takes an entry of the old journal over once', async () => {
    const old = { version: 4, content: content(7), at: '2026-01-01T00:00:00.000Z' }
    storage.setItem('firstread.journal.a', JSON.stringify(old))
    const journal = new Journal(storage)
    const found = await journal.read('a')
    expect(found).toMatchObject(old)
    await journal.drop('a', found?.key ?? '')
    expect(await journal.read('a')).toBeNull()
  })

  it('forgets what was saved, with the slices', async () => {
    const journal = new Journal(storage)
    journal.write('a', { version: 1, content: content(1) }, new Map([['sha', bytes(1)]]))
    await journal.clear('a')
    expect(await journal.read('a')).toBeNull()
    journal.write('a', { version: 2, content: content(2) }, NONE)
    expect((await journal.read('a'))?.slices.size).toBe(0)
  })

  it('keeps the unsaved work of one tab when another tab has saved its own', async () => {
    const [one, two] = [new Journal(storage), new Journal(storage)]
    one.write('a', { version: 1, content: content(1) }, new Map([['sha', bytes(1)]]))
    await one.settled()
    two.write('a', { version: 1, content: content(2) }, NONE)
    await two.clear('a')
    const found = await new Journal(storage).read('a')
    expect(found?.content).toEqual(content(1))
    expect(found?.slices.get('sha')).toEqual(bytes(1))
  })

  it('writes to the database what is too large for the synchronous copy', async () => {
    storage.isFull = true
    const journal = new Journal(storage)
    journal.write('a', { version: 1, content: content(1) }, NONE)
    expect((await journal.read('a'))?.content).toEqual(content(1))
  })

  it('says whether what was written would be found again', async () => {
    const journal = new Journal(storage)
    const slices = new Map([['sha', bytes(1)]])
    journal.write('a', { version: 1, content: content(1) }, slices)
    expect(journal.isSafe).toBe(false) // the bytes are on their way
    await journal.settled()
    expect(journal.isSafe).toBe(true)
    storage.isFull = true
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
      throw new Error('quota')
    })
    journal.write('a', { version: 1, content: content(2) }, NONE)
    await journal.settled()
    expect(journal.isSafe).toBe(false)
    await journal.clear('a') // it is on the server
    expect(journal.isSafe).toBe(true)
    vi.restoreAllMocks()
  })

  it('opens a case although the disk is full', async () => {
    const entry = { version: 4, content: content(7), at: '2026-01-01T00:00:00.000Z' }
    storage.setItem('firstread.journal.a', JSON.stringify(entry))
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
      throw new Error('quota')
    })
    expect(await new Journal(storage).read('a')).toMatchObject(entry)
    vi.restoreAllMocks()
  })

  it('does with the synchronous copy alone where there is no database', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    vi.spyOn(indexedDB, 'open').mockImplementation(() => {
      throw new Error('not in private windows')
    })
    const journal = new Journal(storage)
    journal.write('a', { version: 1, content: content(1) }, NONE)
    await journal.settled()
    expect((await new Journal(storage).read('a'))?.content).toEqual(content(1))
    await journal.clear('a')
    expect(storage.values.size).toBe(0)
    vi.restoreAllMocks()
  })
})

describe('work that outlives several pages', () => {
  const theirs = { version: 5, content: content(0) }
  /** A page on case a, with what is found of pages before; `saveDraft` is its server. */
  const open = async (server: { version: number; content: object }, saveDraft: () => Promise<number>) => {
    const journal = new Journal(storage)
    const nothing = () => Promise.resolve(new Uint8Array())
    const draft = new Draft('a', server.version, server.content, {
      ...UNHEARD, journal, channel: null, requests: { saveDraft, uploadMasks: nothing, loadMasks: nothing },
    })
    draft.recover(await journal.read('a'))
    const leave = async () => {
      await draft.flush()
      draft.close()
      await journal.settled()
    }
    return { draft, journal, leave }
  }
  const full = () => Promise.reject(problem(507, 'error'))
  const sizeIs = (size: number) => () => content(size)

  it('is found once, and never again after it was saved', async () => {
    const first = await open(theirs, full)
    first.draft.edit('answer', sizeIs(1))
    await first.leave()
    await (await open(theirs, full)).leave()
    const third = await open(theirs, () => Promise.resolve(6))
    expect(third.draft.document.content).toEqual(content(1))
    await third.leave()
    expect(await new Journal(storage).read('a')).toBeNull()
  })

  it('is found once where it was chosen over what the server had', async () => {
    const first = await open(theirs, full)
    first.draft.edit('answer', sizeIs(1))
    await first.leave()
    const moved = { version: 9, content: content(9) }
    const second = await open(moved, full)
    second.draft.keepMine()
    await second.leave()
    await (await open(moved, () => Promise.resolve(10))).leave()
    expect(await new Journal(storage).read('a')).toBeNull()
  })

  it('stays where another tab has gone on with it, or where nothing else was written', async () => {
    const other = new Journal(storage)
    other.write('a', { version: 5, content: content(1) }, NONE)
    await other.settled()
    const mine = new Journal(storage)
    const found = await mine.read('a')
    if (found) mine.inherit('a', { ...found, at: '2026-01-01T00:00:00.000Z' })
    expect((await new Journal(storage).read('a'))?.content).toEqual(content(1))
    mine.write('a', { version: 5, content: content(2) }, NONE)
    await mine.clear('a')
    expect((await new Journal(storage).read('a'))?.content).toEqual(content(1))
  })

  it('is not replaced by an older copy that could not be renewed', async () => {
    const journal = new Journal(storage)
    journal.write('a', { version: 1, content: content(1) }, NONE)
    storage.isFull = true
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 1000 })
    journal.write('a', { version: 1, content: content(2) }, NONE)
    vi.useRealTimers()
    await journal.settled()
    expect(storage.values.size).toBe(1)
    expect((await new Journal(storage).read('a'))?.content).toEqual(content(2))
    expect(storage.values.size).toBe(0)
  })

  it('lives on where the page that goes on with it is the one that wrote it', async () => {
    const journal = new Journal(storage)
    journal.write('a', { version: 5, content: content(1) }, NONE)
    const found = await journal.read('a')
    if (found) journal.inherit('a', found)
    journal.write('a', { version: 5, content: content(2) }, NONE)
    await journal.settled()
    expect((await new Journal(storage).read('a'))?.content).toEqual(content(2))
  })
})

describe('recovery', () => {
  const entry = { version: 2, content: content(1), at: '' }
  it('restores on the same version, asks on another, and does nothing where both are equal', () => {
    expect(recovery(entry, 2, content(0))).toBe('restore')
    expect(recovery(entry, 3, content(0))).toBe('conflict')
    expect(recovery(entry, 3, content(1))).toBe('nothing')
    const [ours, theirs] = [{ answers: {}, masks: [] }, { masks: [], answers: {} }]
    expect(recovery({ ...entry, content: ours }, 3, theirs)).toBe('nothing')
    expect(recovery(null, 3, content(1))).toBe('nothing')
  })
})
