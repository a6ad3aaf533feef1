import { beforeEach, expect, it, vi } from 'vitest'
import { Remarks } from '../src/labeling/remarks'
import { MemoryStorage } from './fakeStorage'

let remarks: Remarks
let storage: MemoryStorage
const place = { sop_instance_uid: '1', frame: 1, pixel: [3, 4] as const }

beforeEach(() => {
  storage = new MemoryStorage()
  remarks = new Remarks(storage)
})

it('keeps half a comment with its case, and its pin', () => {
  remarks.write('a', { text: 'Is this' })
  remarks.write('a', { place })
  expect(remarks.of('b')).toEqual({ text: '', isPinned: false, place: null })
  expect(remarks.of('a')).toEqual({ text: 'Is this', isPinned: false, place })
  expect([remarks.isHalfWritten('a'), remarks.isHalfWritten('b')]).toEqual([true, false])
})

it('forgets what was sent, not what was written meanwhile', () => {
  remarks.write('a', { text: 'One' })
  remarks.sent('a', 'One')
  expect(remarks.of('a').text).toBe('')
  remarks.write('a', { text: 'Two' })
  remarks.write('a', { text: 'Two and more' })
  remarks.sent('a', 'Two')
  expect(remarks.of('a').text).toBe('Two and more')
})

it('tells who shows it', () => {
  let told = 0
  const stop = remarks.subscribe(() => { told += 1 })
  remarks.write('a', { text: 'x' })
  stop()
  remarks.write('a', { text: 'y' })
  expect(told).toBe(1)
})

it('is there again after a crash, until it is sent', () => {
  remarks.write('a', { text: 'Is this', place })
  expect(new Remarks(storage).of('a')).toEqual({ text: 'Is this', isPinned: false, place })
  expect(new Remarks(storage).of('b').text).toBe('')
  remarks.sent('a', 'Is this')
  expect(new Remarks(storage).of('a').text).toBe('')
  expect(storage.length).toBe(0)
})

it('gives way after two months', () => {
  remarks.write('a', { text: 'Is this' })
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61 * 24 * 3600 * 1000 })
  expect(new Remarks(storage).of('a').text).toBe('')
  vi.useRealTimers()
})

it('knows what the browser could not keep', () => {
  storage.isFull = true
  remarks.write('a', { text: 'Is this' })
  expect(remarks.isAtRisk).toBe(true)
  expect(remarks.of('a').text).toBe('Is this')
  remarks.sent('a', 'Is this')
  expect(remarks.isAtRisk).toBe(false)
})
