import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Offline } from '../src/api/client'
import { FakeServer, openSession } from './fakes'

let server: FakeServer
const open = () => openSession(server)

beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer(['a', 'b'])
})

describe('taking a submission back', () => {
  const handedIn = async () => {
    const session = await open()
    session.choose('nodule', 'yes')
    await session.submit()
    return session
  }
  /** The server answers when it is told to. */
  const slowly = () => {
    let [answer, refuse]: (() => void)[] = []
    const original = server.reopen.bind(server)
    const reopen = vi.spyOn(server, 'reopen').mockImplementation((id) => new Promise((resolve, reject) => {
      answer = () => resolve(original(id))
      refuse = () => reject(new Offline('away'))
    }))
    return { reopen, answer: () => answer?.(), refuse: () => refuse?.() }
  }

  it('saves what was done on the next case, and takes nothing on it until the answer is there', async () => {
    const session = await handedIn()
    session.choose('nodule', 'no')
    const { reopen, answer } = slowly()
    const undoing = session.undo()
    await vi.advanceTimersByTimeAsync(0)
    session.choose('nodule', 'yes')
    await session.undo()
    answer()
    await undoing
    expect(reopen).toHaveBeenCalledOnce()
    expect(server.drafts.get('b')?.content.answers).toEqual({ nodule: 'no' })
    expect(session.snapshot).toMatchObject({ phase: 'reading', reading: { annotation: { id: 'a' } }, lastSubmitted: null, count: 0 })
  })

  it('goes on with the next case where it failed', async () => {
    const session = await handedIn()
    const { refuse } = slowly()
    const undoing = session.undo()
    await vi.advanceTimersByTimeAsync(0)
    refuse()
    await undoing
    expect(session.snapshot).toMatchObject({ phase: 'reading', reading: { annotation: { id: 'b' } }, lastSubmitted: 'a' })
    expect(session.snapshot.message).not.toBe('')
    session.choose('nodule', 'no')
    expect(session.snapshot.content.answers).toEqual({ nodule: 'no' })
  })

  it('gives the case back where the reader left meanwhile', async () => {
    const session = await handedIn()
    const release = vi.spyOn(server, 'release')
    const { answer } = slowly()
    const undoing = session.undo()
    await vi.advanceTimersByTimeAsync(0)
    const leaving = session.leave()
    answer()
    await Promise.all([undoing, leaving])
    expect(release.mock.calls).toEqual([['assignment of a']])
  })
})
