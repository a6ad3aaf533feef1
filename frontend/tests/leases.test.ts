/** The lease on the open case: kept while the page is open, and taken again after an outage. */
import { beforeEach, expect, it, vi } from 'vitest'
import { FakeServer, leaseOf, openSession, problem } from './fakes'

let server: FakeServer
let seconds: number
const clock = {
  take: () => {
    const taken = seconds
    seconds = 0
    return taken
  },
  giveBack: (taken: number) => {
    seconds += taken
  },
}
const open = () => openSession(server, clock)

beforeEach(() => {
  server = new FakeServer(['a', 'b'])
  seconds = 0
})

it('takes the case back once the server gives it again, and takes its notice back', async () => {
  const session = await open()
  const { reading } = session.snapshot
  session.choose('nodule', 'yes')
  seconds = 5
  server.leaseIsLost = true
  await session.submit()
  await session.beat()
  expect(session.snapshot).toMatchObject({ isLeaseLost: true, message: '' })
  server.leaseIsLost = false
  const heartbeat = vi.spyOn(server, 'heartbeat').mockResolvedValue(leaseOf('the new one'))
  await session.beat()
  expect(heartbeat.mock.calls).toEqual([['assignment of a', 5]])
  expect(session.snapshot).toMatchObject({ isLeaseLost: false, message: '' })
  expect(session.snapshot.reading).toBe(reading) // or its images would be hung anew
})

it('goes on under the lease that came with a heartbeat', async () => {
  const session = await open()
  const heartbeat = vi.spyOn(server, 'heartbeat').mockResolvedValue(leaseOf('the new one'))
  const release = vi.spyOn(server, 'release')
  await session.beat()
  await session.beat()
  expect(heartbeat.mock.calls.map(([id]) => id)).toEqual(['assignment of a', 'the new one'])
  await session.leave()
  expect(release.mock.calls).toEqual([['the new one']])
})

it('draws nothing anew while a lease goes on', async () => {
  const session = await open()
  const drawn = vi.fn()
  session.subscribe(drawn)
  await session.beat()
  expect(drawn).not.toHaveBeenCalled()
})

it('leaves the next case alone when a heartbeat for the one before is answered late', async () => {
  const session = await open()
  let answer: (held: ReturnType<typeof leaseOf>) => void = () => undefined
  server.heartbeat = () => new Promise((resolve) => { answer = resolve })
  const beating = session.beat()
  session.choose('nodule', 'yes')
  await session.submit()
  answer(leaseOf('of the one before'))
  await beating
  expect(session.snapshot.lease?.id).toBe('assignment of b')
})

it('says that the case is lost where it cannot be skipped for that', async () => {
  const session = await open()
  server.skip = () => Promise.reject(problem(409, 'lease_lost'))
  await session.skip('Motion')
  expect(session.snapshot).toMatchObject({ isLeaseLost: true, message: '' })
})
