import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Offline } from '../src/api/client'
import type { Found } from '../src/labeling/journal'
import { ReadingSession } from '../src/labeling/ReadingSession'
import { FakeServer, leaseOf, MemoryJournal, problem, Tabs } from './fakes'

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

describe('reading', () => {
  it('saves an answer a moment later, submits it and goes on', async () => {
    const session = await open()
    session.choose('nodule', 'yes')
    await vi.advanceTimersByTimeAsync(500)
    expect(server.drafts.get('a')?.content.answers).toEqual({ nodule: 'yes' })
    expect(session.snapshot.save.kind).toBe('saved')
    await session.submit()
    expect(server.submitted).toEqual(['a'])
    expect(session.snapshot.reading?.annotation.id).toBe('b')
  })

  it('names the missing answer instead of submitting', async () => {
    const session = await open()
    await session.submit()
    expect(session.snapshot.missing).toBe('nodule')
    expect(server.submitted).toEqual([])
  })

  it('ends when nothing is left, and undo brings the last case back', async () => {
    const session = await open()
    for (let n = 0; n < 2; n++) {
      session.choose('nodule', 'no')
      await session.submit()
    }
    expect(session.snapshot.phase).toBe('finished')
    await session.undo()
    expect(session.snapshot.reading?.annotation.id).toBe('b')
    expect(session.snapshot.content.answers).toEqual({ nodule: 'no' })
  })
})

describe('leaving the page', () => {
  it('saves what waits when the reader leaves the page by its Back button', async () => {
    const session = await open()
    session.choose('nodule', 'yes')
    session.dispose()
    await vi.advanceTimersByTimeAsync(0)
    expect(server.drafts.get('a')?.content.answers).toEqual({ nodule: 'yes' })
    const again = await open()
    await vi.advanceTimersByTimeAsync(500)
    expect(again.snapshot.save.kind).toBe('saved')
  })

  it('sends what waits while the page goes away, and goes on where it comes back', async () => {
    const session = await open()
    session.choose('nodule', 'yes')
    session.leavePage()
    expect(server.drafts.get('a')?.content.answers).toEqual({ nodule: 'yes' }) // before any timer or database
    await vi.advanceTimersByTimeAsync(500)
    session.choose('nodule', 'no')
    await vi.advanceTimersByTimeAsync(500)
    expect(session.snapshot.save.kind).toBe('saved')
    expect(server.drafts.get('a')?.content.answers).toEqual({ nodule: 'no' })
  })

  it('takes what another save brought to the server for its own where both say the same', async () => {
    const session = await open()
    session.choose('nodule', 'yes')
    server.drafts.set('a', { version: 5, content: { answers: { nodule: 'yes' } } })
    await vi.advanceTimersByTimeAsync(500)
    expect(session.snapshot.save.kind).toBe('saved')
  })

  it('knows what would be lost, and tells where this browser keeps nothing', async () => {
    const journal = new MemoryJournal(entries)
    const session = new ReadingSession('p', server, journal, { take: () => 1, giveBack: () => undefined }, tabs.join)
    await session.claim()
    journal.isSafe = false
    expect(session.isAtRisk).toBe(false) // nothing is unsaved
    server.isAway = true
    session.choose('nodule', 'yes')
    expect(session.isAtRisk).toBe(true)
    await vi.advanceTimersByTimeAsync(500)
    expect(session.snapshot).toMatchObject({ save: { kind: 'offline' }, isKept: false })
    server.isAway = false
    await vi.advanceTimersByTimeAsync(5000)
    expect(session.isAtRisk).toBe(false)
  })
})

describe('nothing is lost', () => {
  it('keeps the answer while offline and saves it when the server is back', async () => {
    const session = await open()
    server.isAway = true
    session.choose('nodule', 'yes')
    await vi.advanceTimersByTimeAsync(500)
    expect(session.snapshot.save.kind).toBe('offline')
    server.isAway = false
    await vi.advanceTimersByTimeAsync(4000)
    expect(server.drafts.get('a')?.content.answers).toEqual({ nodule: 'yes' })
  })

  it('restores what a crashed page left behind', async () => {
    const crashed = await open()
    server.isAway = true
    crashed.choose('nodule', 'yes')
    crashed.dispose()
    await vi.advanceTimersByTimeAsync(0)
    server.isAway = false
    const session = await open()
    expect(session.snapshot.content.answers).toEqual({ nodule: 'yes' })
    await vi.advanceTimersByTimeAsync(500)
    expect(server.drafts.get('a')?.version).toBe(2)
  })

  it('shows both versions when another tab saved, and lets the reader choose', async () => {
    const session = await open()
    server.drafts.set('a', { version: 7, content: { answers: { nodule: 'no' } } })
    session.choose('nodule', 'yes')
    await vi.advanceTimersByTimeAsync(500)
    const { save } = session.snapshot
    expect(save).toMatchObject({ kind: 'conflict', theirs: { version: 7 } })
    session.keepMine()
    await vi.advanceTimersByTimeAsync(500)
    expect(server.drafts.get('a')).toEqual({ version: 8, content: { answers: { nodule: 'yes' } } })
  })

  it('keeps mine with what the other version has committed', async () => {
    const session = await open()
    const first_impression = { answers: { nodule: 'no' }, at: '1970-01-01T00:00:00.000Z' }
    const seen = { id: 's', action: 'accepted' as const, at: '1970-01-01T00:00:01.000Z' }
    server.drafts.set('a', { version: 7, content: { answers: { nodule: 'no' }, first_impression, suggestions: [seen] } })
    session.choose('nodule', 'yes')
    await vi.advanceTimersByTimeAsync(500)
    session.keepMine()
    await vi.advanceTimersByTimeAsync(500)
    const kept = { first_impression, suggestions: [{ ...seen, action: 'shown' }] }
    expect(server.drafts.get('a')).toEqual({ version: 8, content: { answers: { nodule: 'yes' }, ...kept } })
    await session.undoEdit()
    expect(session.snapshot.content).toEqual({ answers: {}, ...kept })
  })

  it('takes the other version without writing', async () => {
    const session = await open()
    server.drafts.set('a', { version: 7, content: { answers: { nodule: 'no' } } })
    session.choose('nodule', 'yes')
    await vi.advanceTimersByTimeAsync(500)
    session.takeTheirs()
    await vi.advanceTimersByTimeAsync(500)
    expect(session.snapshot.content.answers).toEqual({ nodule: 'no' })
    expect(server.drafts.get('a')?.version).toBe(7)
  })

  it('asks when the journal and the server have both moved on', async () => {
    const crashed = await open()
    crashed.choose('nodule', 'yes')
    crashed.dispose()
    server.drafts.set('a', { version: 3, content: { answers: { nodule: 'no' } } })
    const session = await open()
    expect(session.snapshot.save.kind).toBe('conflict')
    expect(session.snapshot.content.answers).toEqual({ nodule: 'yes' })
  })

  it('says so when the lease has ended, and keeps the answers', async () => {
    const session = await open()
    session.choose('nodule', 'yes')
    server.leaseIsLost = true
    await session.beat()
    expect(session.snapshot.isLeaseLost).toBe(true)
    await session.submit()
    expect(session.snapshot.phase).toBe('reading')
    expect(session.snapshot.content.answers).toEqual({ nodule: 'yes' })
  })

  it('goes on when the answer to a save was lost on the way', async () => {
    const session = await open()
    const original = server.saveDraft.bind(server)
    server.saveDraft = async (id, version, content) => {
      await original(id, version, content)
      server.saveDraft = original
      throw new Offline('the answer was lost')
    }
    session.choose('nodule', 'yes')
    await vi.advanceTimersByTimeAsync(500)
    session.choose('nodule', 'no')
    await vi.advanceTimersByTimeAsync(4000)
    expect(session.snapshot.save.kind).toBe('saved')
    expect(server.drafts.get('a')).toEqual({ version: 3, content: { answers: { nodule: 'no' } } })
  })

  it('takes no answer while two versions wait for a decision', async () => {
    const crashed = await open()
    crashed.choose('nodule', 'yes')
    crashed.dispose()
    server.drafts.set('a', { version: 3, content: { answers: { nodule: 'no' } } })
    const session = await open()
    session.choose('nodule', 'yes')
    await vi.advanceTimersByTimeAsync(500)
    expect(server.drafts.get('a')?.version).toBe(3)
  })

  it('keeps the case open when submitting fails offline', async () => {
    const session = await open()
    session.choose('nodule', 'yes')
    await vi.advanceTimersByTimeAsync(500)
    server.isAway = true
    await session.submit()
    expect(session.snapshot.phase).toBe('reading')
    expect(session.snapshot.message).toContain('kept here')
    server.isAway = false
    await session.submit()
    expect(server.submitted).toEqual(['a'])
  })
})

/** The next submission arrives, but nobody hears of it; after that the read is no draft any more, until it is reopened. */
function loseTheAnswer(): void {
  const [submit, reopen] = [server.submit.bind(server), server.reopen.bind(server)]
  server.submit = async (id, version, content) => {
    await submit(id, version, content)
    server.submit = () => Promise.reject(problem(409, 'conflict', { state: 'accepted' }))
    throw new Offline('the answer was lost')
  }
  server.reopen = (id) => {
    Object.assign(server, { submit, reopen })
    return reopen(id)
  }
}

describe('handing in', () => {
  it('goes on when the answer to a submission was lost on the way', async () => {
    const session = await open()
    session.choose('nodule', 'yes')
    loseTheAnswer()
    await session.submit()
    expect(session.snapshot.phase).toBe('reading')
    await session.submit()
    expect(session.snapshot.reading?.annotation.id).toBe('b')
    expect(session.snapshot.lastSubmitted).toBe('a')
  })

  it('hands in what was never saved as a draft, in one request', async () => {
    const session = await open()
    session.choose('nodule', 'yes')
    await session.submit()
    expect(server.saves).toBe(0)
    expect(server.drafts.get('a')?.content).toEqual({ answers: { nodule: 'yes' } })
    expect(session.snapshot.reading?.annotation.id).toBe('b')
  })

  it('goes on where the server was in trouble after it had taken the read', async () => {
    const session = await open()
    session.choose('nodule', 'yes')
    const original = server.submit.bind(server)
    server.submit = async (id, version, content) => {
      await original(id, version, content)
      server.submit = () => Promise.reject(problem(409, 'conflict', { state: 'submitted' }))
      throw problem(500, 'error')
    }
    await session.submit()
    expect(session.snapshot.phase).toBe('reading')
    await session.submit()
    expect(session.snapshot.reading?.annotation.id).toBe('b')
  })

  it('says so where the next case came but cannot be opened', async () => {
    const journal = new MemoryJournal(entries)
    const session = new ReadingSession('p', server, journal, clock, tabs.join)
    await session.claim()
    session.choose('nodule', 'yes')
    journal.read = () => Promise.reject(new Error('no journal today'))
    await session.submit()
    expect(session.snapshot).toMatchObject({ phase: 'failed', message: 'no journal today' })
    expect(server.submitted).toEqual(['a'])
  })

  it('sends nothing else meanwhile, and saves again once it failed', async () => {
    const session = await open()
    session.choose('nodule', 'yes')
    let refuse: (error: Error) => void = () => undefined
    server.submit = () => new Promise((_, reject) => { refuse = reject })
    const handing = session.submit()
    session.recordSuggestion('s', 'shown', new Date(0))
    await vi.advanceTimersByTimeAsync(10_000)
    expect(server.saves).toBe(0)
    refuse(new Offline('away'))
    await handing
    await vi.advanceTimersByTimeAsync(10_000)
    expect(server.saves).toBe(1)
    expect(session.snapshot.save.kind).toBe('saved')
  })

  it('waits for the decision between two versions before anything is saved again', async () => {
    const session = await open()
    session.choose('nodule', 'yes')
    server.drafts.set('a', { version: 7, content: { answers: { nodule: 'no' } } })
    await session.submit()
    expect(session.snapshot).toMatchObject({ phase: 'reading', save: { kind: 'conflict', theirs: { version: 7 } } })
    await vi.advanceTimersByTimeAsync(10_000)
    expect(server.saves).toBe(0)
    session.keepMine()
    await vi.advanceTimersByTimeAsync(500)
    expect(server.drafts.get('a')).toEqual({ version: 8, content: { answers: { nodule: 'yes' } } })
  })
})

describe('a submission whose answer was lost', () => {
  const lost = async () => {
    const session = await open()
    session.choose('nodule', 'yes')
    loseTheAnswer()
    await session.submit()
    session.choose('nodule', 'no')
    return session
  }

  it('is taken back and handed in anew where the reader has changed the read since', async () => {
    const session = await lost()
    await session.submit()
    expect(server.submitted).toEqual(['a'])
    expect(server.drafts.get('a')?.content).toEqual({ answers: { nodule: 'no' } })
    expect(session.snapshot).toMatchObject({ reading: { annotation: { id: 'b' } }, lastSubmitted: 'a' })
  })

  it('is not taken for a later one that never arrived', async () => {
    const session = await lost()
    const submit = server.submit.bind(server)
    server.submit = () => Promise.reject(new Offline('away'))
    await session.submit()
    server.submit = submit
    await session.submit()
    expect(server.drafts.get('a')?.content).toEqual({ answers: { nodule: 'no' } })
    expect(session.snapshot.reading?.annotation.id).toBe('b')
  })

  it('leaves the choice to the reader where another read than ours had been handed in', async () => {
    const session = await lost()
    server.drafts.set('a', { version: 4, content: { answers: { nodule: 'perhaps' } } })
    await session.submit()
    expect(session.snapshot).toMatchObject({ phase: 'reading', save: { kind: 'conflict', theirs: { version: 4 } } })
    expect(session.snapshot.content.answers).toEqual({ nodule: 'no' })
  })

  it('says so where the read cannot be taken back any more', async () => {
    const session = await lost()
    server.reopen = () => Promise.reject(problem(409, 'conflict'))
    await session.submit()
    expect(session.snapshot).toMatchObject({ phase: 'reading', content: { answers: { nodule: 'no' } } })
    expect(session.snapshot.message).not.toBe('')
  })
})

it('tells the seconds of a heartbeat that failed with the next one', async () => {
  let told = 0
  let waiting = 5
  const counting = {
    take: () => { const taken = waiting; waiting = 0; return taken },
    giveBack: (seconds: number) => { waiting += seconds },
  }
  const session = new ReadingSession('p', server, new MemoryJournal(entries), counting, tabs.join)
  await session.claim()
  waiting = 5
  server.heartbeat = () => Promise.reject(new Offline('away'))
  await session.beat()
  Object.assign(server, {
    heartbeat: (id: string, seconds: number) => {
      told += seconds
      return Promise.resolve(leaseOf(id))
    },
  })
  await session.beat()
  expect(told).toBe(5)
})
