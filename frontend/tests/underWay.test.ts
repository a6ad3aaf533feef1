import { beforeEach, expect, it, vi } from 'vitest'
import { afterMasks, closing } from '../src/labeling/afterMasks'
import type { Found } from '../src/labeling/journal'
import { ReadingSession } from '../src/labeling/ReadingSession'
import { inBursts } from '../src/viewer/masks/bursts'
import { UnderWay } from '../src/viewer/masks/UnderWay'
import { FakeServer, MemoryJournal, Tabs } from './fakes'

let server: FakeServer
const busy: boolean[] = []
const clock = { take: () => 1, giveBack: () => undefined }
const open = async () => {
  const session = new ReadingSession('p', server, new MemoryJournal(new Map<string, Found>()), clock, new Tabs().join)
  await session.claim()
  session.choose('nodule', 'yes')
  return session
}
/** An operation that ends when it is told to. */
const longWork = (underWay: UnderWay) => {
  let end: () => void = () => undefined
  const done = underWay.during(() => new Promise((resolve) => { end = resolve }))
  return { end: () => end(), done }
}
const hasSettled = async (promise: Promise<unknown>) => {
  await vi.waitFor(() => undefined)
  return Promise.race([promise.then(() => true), new Promise((resolve) => setTimeout(() => resolve(false), 0))])
}

beforeEach(() => {
  server = new FakeServer(['a', 'b'])
  busy.length = 0
})

it('tells when an operation is at work, also where it fails', async () => {
  const underWay = new UnderWay((isBusy) => busy.push(isBusy))
  await expect(underWay.during(() => Promise.reject(new Error('no memory')))).rejects.toThrow('no memory')
  expect(busy).toEqual([true, false])
})

it('lets an operation wait for the hand, and a submission for both', async () => {
  const underWay = new UnderWay(() => undefined)
  underWay.press()
  const work = longWork(underWay)
  const [letGo, rest] = [underWay.letGo(), underWay.rest()]
  expect(await hasSettled(letGo)).toBe(false)
  underWay.release()
  expect(await hasSettled(letGo)).toBe(true)
  expect(await hasSettled(rest)).toBe(false)
  work.end()
  expect(await hasSettled(rest)).toBe(true)
})

it('keeps nobody waiting once the images are gone', async () => {
  const underWay = new UnderWay(() => undefined)
  underWay.press()
  const rest = underWay.rest()
  underWay.end()
  expect(await hasSettled(rest)).toBe(true)
})

it('ends long work that nobody wants any more', async () => {
  let steps = 0
  const endless = function* (): Generator<void, string> {
    for (;;) {
      steps++
      yield
    }
  }
  let isOver = false
  const work = inBursts(endless(), () => isOver)
  await new Promise((resolve) => setTimeout(resolve, 20))
  isOver = true
  expect(await work).toBeNull()
  expect(steps).toBeGreaterThan(1)
})

it('hands in with the result of an operation that is at work', async () => {
  const session = await open()
  const underWay = new UnderWay(() => undefined)
  const work = longWork(underWay)
  const handing = afterMasks(underWay, session, () => session.submit())
  expect(await hasSettled(handing)).toBe(false)
  expect(session.snapshot.phase).toBe('reading')
  session.paint({ layer: 0, series: 's', rows: 1, columns: 1, slices: new Map([['1:1', Uint8Array.of(1)]]) })
  work.end()
  await handing
  expect(server.drafts.get('a')?.content.masks).toHaveLength(1)
})

it('does not hand in the case that has come meanwhile', async () => {
  const session = await open()
  const underWay = new UnderWay(() => undefined)
  const work = longWork(underWay)
  const handing = afterMasks(underWay, session, () => session.submit())
  await session.skip('blurred')
  session.choose('nodule', 'no')
  work.end()
  await handing
  expect(session.snapshot).toMatchObject({ phase: 'reading', reading: { annotation: { id: 'b' } } })
  expect(server.submitted).toEqual([])
})

it('saves a stroke that is still down when the case is skipped, left for the worklist or for the one before', async () => {
  for (const [name, act] of [['skip', 'skip'], ['goOn', 'claim'], ['undo', 'undo']] as const) {
    const session = await open()
    const underWay = new UnderWay(() => undefined)
    underWay.press()
    const acted = vi.spyOn(session, act)
    const handing = closing(session, (then) => afterMasks(underWay, session, then))[name]('blurred')
    expect(await hasSettled(handing)).toBe(false)
    expect(acted).not.toHaveBeenCalled()
    session.paint({ layer: 0, series: 's', rows: 1, columns: 1, slices: new Map([['1:1', Uint8Array.of(1)]]) })
    underWay.release()
    await handing
    expect(acted).toHaveBeenCalledOnce()
    session.dispose()
  }
})

it('says so where the case was handed in before it could be skipped', async () => {
  const session = await open()
  const underWay = new UnderWay(() => undefined)
  const work = longWork(underWay)
  const after = (then: () => Promise<void>) => afterMasks(underWay, session, then)
  const [handing, skipping] = [after(() => session.submit()), closing(session, after).skip('blurred')]
  work.end()
  await handing
  expect(await skipping).toBe(false)
  expect(server).toMatchObject({ submitted: ['a'], skipped: [] })
  expect(await closing(session, after).skip('blurred')).toBe(true)
  expect(server.skipped).toEqual(['blurred'])
})

it('saves what was painted last before it goes on without a lease', async () => {
  const session = await open()
  server.leaseIsLost = true
  session.paint({ layer: 0, series: 's', rows: 1, columns: 1, slices: new Map([['1:1', Uint8Array.of(1)]]) })
  await session.claim()
  expect(server.drafts.get('a')?.content.masks).toHaveLength(1)
  session.dispose()
})
