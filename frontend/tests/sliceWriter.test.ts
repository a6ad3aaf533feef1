import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Labelmap } from '../src/viewer/masks/Labelmap'
import { SliceState } from '../src/viewer/masks/sliceState'
import { SliceWriter, type MaskLoading, type Target } from '../src/viewer/masks/SliceWriter'

const PLACES = ['a', 'b', 'c', 'd', 'e']
const labelsOf = (sha256: string) => Uint8Array.from([sha256.length, 1])
let said: Record<string, string>
let written: string[]
let told: (MaskLoading | null)[]
let unreadable: Set<string>
let isHeld: boolean
let target: Target
let writer: SliceWriter

beforeEach(() => {
  vi.useFakeTimers()
  said = Object.fromEntries(PLACES.map((place) => [place, `sha of ${place}`]))
  written = []
  told = []
  unreadable = new Set()
  isHeld = false
  const map = { places: PLACES, indexOf: (place: string) => PLACES.indexOf(place), slice: () => new Uint8Array(2) }
  target = { map: map as unknown as Labelmap, slices: new SliceState() }
  writer = new SliceWriter({
    targets: () => [target], said: () => said, isHeld: () => isHeld, inView: () => [2],
    read: (sha256) => (unreadable.has(sha256) ? Promise.reject(new Error('away')) : Promise.resolve(labelsOf(sha256))),
    write: (_, index) => written.push(PLACES[index] ?? ''),
    redraw: () => undefined,
    onLoading: (loading) => told.push(loading),
  })
})

describe('stored slices', () => {
  it('are written from what is in view outwards, and only then is all there', async () => {
    expect(writer.isDone(target)).toBe(false)
    await writer.run()
    expect(written[0]).toBe('c')
    expect(written.slice(1, 3).sort()).toEqual(['b', 'd'])
    expect(written).toHaveLength(5)
    expect(writer.isDone(target)).toBe(true)
    expect(told).toEqual([null])
  })

  it('are there one by one', async () => {
    unreadable = new Set(PLACES.filter((place) => place !== 'c').map((place) => `sha of ${place}`))
    await writer.run()
    expect(writer.isDone(target, ['c'])).toBe(true)
    expect(writer.isDone(target, ['b'])).toBe(false)
  })

  it('that cannot be read are told, and tried again at growing intervals', async () => {
    unreadable = new Set(Object.values(said))
    await writer.run()
    expect(told.at(-1)).toEqual({ done: 0, of: 5, trouble: new Error('away') })
    await vi.advanceTimersByTimeAsync(1000)
    await vi.advanceTimersByTimeAsync(1000)
    const before = told.length
    unreadable.clear()
    await vi.advanceTimersByTimeAsync(900)
    expect(told).toHaveLength(before)
    await vi.advanceTimersByTimeAsync(200)
    expect(told.at(-1)).toBeNull()
    expect(written).toHaveLength(5)
  })

  it('are tried again at once where somebody asks for it', async () => {
    unreadable = new Set(Object.values(said))
    await writer.run()
    unreadable.clear()
    writer.retry()
    await writer.run()
    expect(writer.isDone(target)).toBe(true)
  })

  it('come although one of them is damaged', async () => {
    unreadable = new Set(['sha of c'])
    await writer.run()
    await vi.advanceTimersByTimeAsync(1500)
    expect(written.sort()).toEqual(['a', 'b', 'd', 'e'])
    expect(told.at(-1)).toMatchObject({ done: 4, of: 5 })
  })

  it('are never written while a hand is down, nor what the content has meanwhile left', async () => {
    isHeld = true
    await writer.run()
    expect(written).toEqual([])
    isHeld = false
    const running = writer.run()
    said = { a: 'another' }
    await running
    expect(written).toEqual(['a'])
  })
})

describe('a slice that takes long', () => {
  it('is told after a moment', async () => {
    let come: (labels: Uint8Array) => void = () => undefined
    const slow = new SliceWriter({
      targets: () => [target], said: () => ({ a: 'sha' }), isHeld: () => false, inView: () => [], write: () => undefined,
      read: () => new Promise((resolve) => {
        come = resolve
      }),
      redraw: () => undefined, onLoading: (loading) => told.push(loading),
    })
    const running = slow.run()
    await vi.advanceTimersByTimeAsync(300)
    expect(told).toEqual([{ done: 0, of: 1, trouble: null }])
    come(labelsOf('sha'))
    await running
    expect(told.at(-1)).toBeNull()
  })
})
