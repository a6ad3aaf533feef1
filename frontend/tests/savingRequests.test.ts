import { afterEach, beforeEach, expect, it, vi } from 'vitest'

/** What a browser does: 64 KiB of bodies at a time outlive the page, and of more it says only that it failed. */
const QUOTA = 2 ** 16
let underWay: number
/** Of each request, whether it outlives the page. */
let sent: boolean[]
let isAway: boolean

async function browserFetch(request: Request): Promise<Response> {
  const bytes = (await request.arrayBuffer()).byteLength
  sent.push(request.keepalive)
  if (isAway || (request.keepalive && underWay + bytes > QUOTA)) throw new TypeError('Failed to fetch')
  return Response.json({ version: 2 })
}

async function save(text: string): Promise<number> {
  const { saveDraft } = await import('../src/labeling/requests')
  return saveDraft('a', 1, { answers: { note: text } })
}

beforeEach(() => {
  vi.resetModules()
  underWay = 0
  sent = []
  isAway = false
  vi.spyOn(AbortSignal, 'timeout').mockReturnValue(new AbortController().signal) // Node counts in whole milliseconds
  vi.stubGlobal('document', { cookie: '' })
  vi.stubGlobal('fetch', browserFetch)
  vi.stubGlobal('Request', class extends Request {
    constructor(address: string, init?: RequestInit) {
      super(new URL(address, 'http://desk.test'), init)
    }
  })
})
afterEach(() => vi.unstubAllGlobals())

it('a small draft outlives the page', async () => {
  expect(await save('x')).toBe(2)
  expect(sent).toEqual([true])
})

it('a draft whose characters are few but whose bytes are many is sent as long as the page lives', async () => {
  expect(await save('ü'.repeat(33_000))).toBe(2)
  expect(sent).toEqual([false])
})

it('a draft is saved all the same where what is under way leaves it no room', async () => {
  underWay = 20_000
  expect(await save('x'.repeat(50_000))).toBe(2)
  expect(sent).toEqual([true, false])
})

it('without a network it is away', async () => {
  isAway = true
  const { Offline } = await import('../src/api/client')
  await expect(save('x')).rejects.toBeInstanceOf(Offline)
})
