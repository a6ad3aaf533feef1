import { beforeEach, expect, it } from 'vitest'
import { Remarks } from '../src/labeling/remarks'

let remarks: Remarks
const place = { sop_instance_uid: '1', frame: 1, pixel: [3, 4] as const }

beforeEach(() => {
  remarks = new Remarks()
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
