import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ReadingSession } from '../src/labeling/ReadingSession'
import { FakeServer, MemoryJournal, problem, Tabs } from './fakes'

let server: FakeServer
let journal: MemoryJournal

async function open(): Promise<ReadingSession> {
  const session = new ReadingSession('p', server, journal, { take: () => 1, giveBack: () => undefined }, new Tabs().join)
  await session.claim()
  return session
}

/** A session on the case `b`, which the server cannot save and the browser does not keep. */
async function atRisk(): Promise<ReadingSession> {
  const session = await open()
  session.choose('nodule', 'yes')
  await session.submit()
  journal.isSafe = false
  server.saveDraft = () => Promise.reject(problem(507, 'error'))
  session.choose('nodule', 'no')
  return session
}

beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer(['a', 'b', 'c'])
  journal = new MemoryJournal(new Map())
})

describe('work that neither the server nor the browser has', () => {
  it.each([
    ['skipping', (session: ReadingSession) => session.skip('blurred'), 'c'],
    ['taking a submission back', (session: ReadingSession) => session.undo(), 'a'],
    ['going on', (session: ReadingSession) => session.claim(), 'b'],
  ])('keeps %s until it is asked for again', async (_, go, then) => {
    const session = await atRisk()
    const { document } = session
    await go(session)
    expect(session.snapshot).toMatchObject({ phase: 'reading', isAboutToLose: true, reading: { annotation: { id: 'b' } } })
    expect(session.document).toBe(document)
    expect(server.skipped).toEqual([])
    await go(session)
    expect(session.document).not.toBe(document)
    expect(session.snapshot).toMatchObject({ phase: 'reading', isAboutToLose: false, reading: { annotation: { id: then } } })
  })

  it('keeps the reader on the page, who may go on there', async () => {
    const session = await atRisk()
    expect(await session.leave()).toBe(false)
    session.choose('nodule', 'yes')
    expect(session.snapshot).toMatchObject({ isAboutToLose: false, content: { answers: { nodule: 'yes' } } })
    expect(await session.leave()).toBe(false) // that is news
    expect(await session.leave()).toBe(true)
  })

  it('is no reason to stay once the browser keeps it', async () => {
    const session = await atRisk()
    journal.isSafe = true
    expect(await session.leave()).toBe(true)
  })

  it('keeps a case whose stroke could not be kept', async () => {
    vi.useRealTimers()
    const session = await atRisk()
    journal.isSafe = true
    session.paint({ layer: 0, series: 's', rows: 2, columns: 2, slices: new Map([['1:1', Uint8Array.from([1])]]) })
    expect(await session.leave()).toBe(false)
    expect(session.snapshot.save.kind).toBe('unkept')
    expect(await session.leave()).toBe(true)
  })
})

describe('leaving', () => {
  it('says that it is being left while the last work is sent', async () => {
    const session = await open()
    session.choose('nodule', 'yes')
    const leaving = session.leave()
    await vi.advanceTimersByTimeAsync(0)
    expect([session.snapshot.phase, server.saves]).toEqual(['leaving', 1])
    session.choose('nodule', 'no')
    await vi.advanceTimersByTimeAsync(500)
    expect([await leaving, server.drafts.get('a')]).toEqual([true, { version: 2, content: { answers: { nodule: 'yes' } } }])
  })

  it('gives the next case back where the reader left meanwhile', async () => {
    const released: string[] = []
    Object.assign(server, { release: (id: string) => Promise.resolve(void released.push(id)) })
    const session = await open()
    session.choose('nodule', 'yes')
    const handing = session.submit()
    await Promise.all([session.leave(), handing])
    expect(server.submitted).toEqual(['a'])
    expect(released).toEqual(['assignment of b'])
    expect(session.snapshot.reading?.annotation.id).toBe('a')
  })
})
