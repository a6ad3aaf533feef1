import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { api, good, Offline, patience } from '../src/api/client'
import { nextPage, signInAgain } from '../src/app/comingBack'
import type { Found } from '../src/labeling/journal'
import { ReadingSession } from '../src/labeling/ReadingSession'
import { FakeServer, MemoryJournal, problem, Tabs } from './fakes'

let server: FakeServer
let entries: Map<string, Found>
const open = async () => {
  const session = new ReadingSession('p', server, new MemoryJournal(entries), { take: () => 1, giveBack: () => undefined }, new Tabs().join)
  await session.claim()
  return session
}

beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer(['a', 'b'])
  entries = new Map()
})
afterEach(() => vi.unstubAllGlobals())

describe('a server in trouble', () => {
  it.each([500, 507, 429])('is asked again at growing intervals after a %d, and the work is kept', async (status) => {
    const session = await open()
    server.trouble = problem(status, 'error')
    session.choose('nodule', 'yes')
    await vi.advanceTimersByTimeAsync(60_000)
    // After 0.4 s, and then 3, 6, 12 and 24 s later.
    expect(server.saves).toBe(5)
    expect(session.snapshot.save).toMatchObject({ kind: 'troubled', status })
    expect(entries.get('a')?.content.answers).toEqual({ nodule: 'yes' })
    server.trouble = null
    await vi.advanceTimersByTimeAsync(60_000)
    expect(session.snapshot.save.kind).toBe('saved')
    expect(server.drafts.get('a')?.content.answers).toEqual({ nodule: 'yes' })
    expect(entries.size).toBe(0)
  })

  it('is not asked sooner because the reader goes on', async () => {
    const session = await open()
    server.trouble = problem(429, 'throttled')
    session.choose('nodule', 'yes')
    await vi.advanceTimersByTimeAsync(500)
    session.choose('nodule', 'no')
    await vi.advanceTimersByTimeAsync(2000)
    expect(server.saves).toBe(1)
    server.trouble = null
    await vi.advanceTimersByTimeAsync(2000)
    expect(server.drafts.get('a')?.content.answers).toEqual({ nodule: 'no' })
  })

  it('is not handed a case that it could not save', async () => {
    const session = await open()
    server.trouble = problem(500, 'error')
    session.choose('nodule', 'yes')
    await session.submit()
    expect(server.submitted).toEqual([])
    expect(session.snapshot).toMatchObject({ phase: 'reading', message: 'error' })
    await vi.advanceTimersByTimeAsync(10_000)
    expect(session.snapshot.save.kind).toBe('troubled')
    await session.submit()
    expect(server.submitted).toEqual([])
    server.trouble = null
    await session.submit()
    expect(server.submitted).toEqual(['a'])
  })
})

describe('a session that has ended', () => {
  it('is said, and what was done meanwhile is saved once somebody has signed in', async () => {
    const session = await open()
    server.trouble = problem(401, 'not_authenticated')
    session.choose('nodule', 'yes')
    await vi.advanceTimersByTimeAsync(500)
    expect(session.snapshot.save.kind).toBe('signed_out')
    session.dispose() // the reader follows the link
    server.trouble = null
    const again = await open()
    expect(again.snapshot.content.answers).toEqual({ nodule: 'yes' })
    await vi.advanceTimersByTimeAsync(500)
    expect(server.drafts.get('a')?.content.answers).toEqual({ nodule: 'yes' })
  })

  it('is said where a case cannot be claimed', async () => {
    server.trouble = problem(401, 'not_authenticated')
    const session = await open()
    expect(session.snapshot).toMatchObject({ phase: 'failed', isSignedOut: true })
  })

  it('leads back to the page, and to no other server', () => {
    const [, query = ''] = signInAgain('/projects/7/read').split('?')
    expect(nextPage(new URLSearchParams(query))).toBe('/projects/7/read')
    expect(nextPage(new URLSearchParams(''))).toBe('/')
    for (const next of ['//elsewhere.org', '/\\elsewhere.org', 'https://elsewhere.org']) {
      expect(nextPage(new URLSearchParams({ next }))).toBe('/')
    }
  })
})

it('a wrong draft is refused with what and where, and the next change tries again', async () => {
  const session = await open()
  server.trouble = problem(400, 'invalid', { fields: { 'regions[0].label': 'is no region label' } })
  session.choose('nodule', 'yes')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(server.saves).toBe(1)
  expect(session.snapshot.save).toMatchObject({ kind: 'refused', fields: { 'regions[0].label': 'is no region label' } })
  server.trouble = null
  session.choose('nodule', 'no')
  await vi.advanceTimersByTimeAsync(500)
  expect(session.snapshot.save.kind).toBe('saved')
})

it('a server that never answers counts as away once patience has run out', async () => {
  const clock = new AbortController()
  vi.spyOn(AbortSignal, 'timeout').mockReturnValue(clock.signal)
  vi.stubGlobal('location', { origin: 'http://desk.test' })
  vi.stubGlobal('fetch', (request: Request) => new Promise((_, reject) => {
    request.signal.addEventListener('abort', () => reject(request.signal.reason as Error))
  }))
  const asked = good(api.GET('/api/v1/me', { baseUrl: 'http://desk.test', ...patience() }))
  await vi.advanceTimersByTimeAsync(0)
  clock.abort(new DOMException('signal timed out', 'TimeoutError'))
  await expect(asked).rejects.toBeInstanceOf(Offline)
})
