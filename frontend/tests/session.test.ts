import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ApiError, Offline, type Reading } from '../src/api/client'
import type { Content } from '../src/labeling/answers'
import { Journal } from '../src/labeling/journal'
import { ReadingSession, type Requests } from '../src/labeling/ReadingSession'

/** The server at the far end of the network: cases in order, drafts with versions. */
class FakeServer implements Requests {
  readonly drafts = new Map<string, { version: number; content: Content }>()
  readonly submitted: string[] = []
  isAway = false
  leaseIsLost = false
  private position = 0

  constructor(private readonly cases: string[]) {}

  claimNext(): Promise<Reading | null> {
    this.check()
    const id = this.cases[this.position]
    return Promise.resolve(id === undefined ? null : this.reading(id))
  }

  upcoming(): Promise<never[]> {
    return Promise.resolve([])
  }

  saveDraft(id: string, version: number, content: Content): Promise<number> {
    this.check()
    const known = this.drafts.get(id) ?? { version: 1, content: { answers: {} } }
    if (known.version !== version) {
      return Promise.reject(problem(412, 'stale_version', { current: known }))
    }
    this.drafts.set(id, { version: version + 1, content })
    return Promise.resolve(version + 1)
  }

  submit(id: string): Promise<void> {
    this.check()
    if (this.leaseIsLost) return Promise.reject(problem(409, 'lease_lost'))
    this.submitted.push(id)
    this.position += 1
    return Promise.resolve()
  }

  reopen(id: string): Promise<Reading> {
    this.submitted.pop()
    this.position -= 1
    return Promise.resolve(this.reading(id))
  }

  heartbeat(): Promise<void> {
    return this.leaseIsLost ? Promise.reject(problem(409, 'lease_lost')) : Promise.resolve()
  }

  release(): Promise<void> {
    return Promise.resolve()
  }

  private check(): void {
    if (this.isAway) throw new Offline('away')
  }

  private reading(id: string): Reading {
    const { version, content } = this.drafts.get(id) ?? { version: 1, content: { answers: {} } }
    const question = {
      key: 'nodule', label: 'Nodule?', kind: 'one', required: true,
      options: [{ key: 'no', label: 'No', hotkey: '1' }, { key: 'yes', label: 'Yes', hotkey: '2' }],
    }
    const schema = { id: 's', version: 1, definition: { questions: [question], segments: [] } }
    return {
      case_id: `case of ${id}`, assignment: { id: `assignment of ${id}` },
      annotation: { id, version, content, schema },
    } as unknown as Reading
  }
}

function problem(status: number, code: string, extra: object = {}): ApiError {
  return new ApiError({ status, code, detail: code, ...extra })
}

class MemoryStorage {
  private readonly values = new Map<string, string>()
  getItem(key: string): string | null {
    return this.values.get(key) ?? null
  }
  setItem(key: string, value: string): void {
    this.values.set(key, value)
  }
  removeItem(key: string): void {
    this.values.delete(key)
  }
}

let server: FakeServer
let storage: MemoryStorage
const clock = { take: () => 1 }
const open = async () => {
  const session = new ReadingSession('p', server, new Journal(storage), clock)
  await session.claim()
  return session
}

beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer(['a', 'b'])
  storage = new MemoryStorage()
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
    crashed.choose('nodule', 'yes')
    crashed.dispose()
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

  it('goes on when the answer to a submission was lost on the way', async () => {
    const session = await open()
    session.choose('nodule', 'yes')
    const original = server.submit.bind(server)
    server.submit = async (id) => {
      await original(id)
      server.submit = () => Promise.reject(problem(409, 'conflict', { state: 'accepted' }))
      throw new Offline('the answer was lost')
    }
    await session.submit()
    expect(session.snapshot.phase).toBe('reading')
    await session.submit()
    expect(session.snapshot.reading?.annotation.id).toBe('b')
    expect(session.snapshot.lastSubmitted).toBe('a')
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
