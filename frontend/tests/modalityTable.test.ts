import { afterEach, expect, it, vi } from 'vitest'
import { frameBytes } from '../src/viewer/budget'
import type { DicomElement, DicomJson } from '../src/viewer/dicomweb'
import { lookUp, tableIn, withTableAlone } from '../src/viewer/modalityTable'
import { entriesFor, forgetTable, rememberTable, tableOf } from '../src/viewer/modalityTables'

const IMAGE = 'wadors:/dicomweb/studies/1/series/2/instances/3/frames/1'
const BULK: DicomElement = { vr: 'OW' }

/** Three entries from a stored value on: 7, 300 and 40. */
function image(data: DicomElement, first = 10, part: DicomJson = {}): DicomJson {
  const item = {
    '00283002': { vr: 'US', Value: [3, first, 16] }, '00283004': { vr: 'LO', Value: ['OD'] }, '00283006': data,
  }
  return {
    '00280010': { vr: 'US', Value: [2] }, '00280011': { vr: 'US', Value: [2] }, '00280100': { vr: 'US', Value: [8] },
    '00283000': { vr: 'SQ', Value: [item] }, ...part,
  }
}

const words: DicomElement = { vr: 'OW', InlineBinary: btoa('\x07\x00\x2c\x01\x28\x00') }
const bytes: DicomElement = { vr: 'OW', InlineBinary: btoa('\x07\xff\x28\x00') }
const values: DicomElement = { vr: 'US', Value: [7, 300, 40] }

afterEach(() => vi.unstubAllGlobals())

it.each([['words', words, 300], ['bytes', bytes, 255], ['numbers', values, 300]])('reads tables of %s', (_, data, middle) => {
  expect(tableIn(image(data))).toEqual({ first: 10, count: 3, entries: Uint16Array.of(7, middle, 40) })
})

it('values outside a table have its ends', () => {
  expect([...lookUp([-5, 10, 11, 12, 99], 10, Uint16Array.of(7, 300, 40))]).toEqual([7, 7, 300, 40, 40])
})

it('a table of signed values begins below zero, however its header says that', () => {
  const signed = { '00280103': { vr: 'US', Value: [1] } }
  expect([-2, 65_534].map((first) => tableIn(image(values, first, signed))?.first)).toEqual([-2, -2])
})

it('angiograms are shown without theirs', () => {
  const angiogram = image(values, 0, { '00080016': { vr: 'UI', Value: ['1.2.840.10008.5.1.4.1.1.12.1'] } })
  expect(tableIn(angiogram)).toBeNull()
  expect(withTableAlone(angiogram)).toBe(angiogram)
})

it('nothing rescales beside a table, whose unit is that of the values', () => {
  const rescaled = image(values, 10, { '00281052': { vr: 'DS', Value: [-1024] }, '00281053': { vr: 'DS', Value: [2] } })
  expect(withTableAlone(rescaled)).toEqual(image(values, 10, { '00281054': { vr: 'LO', Value: ['OD'] } }))
})

it('its values take two bytes each', () => {
  expect(frameBytes(image(values))).toBe(8)
})

it('long tables are fetched when the image is decoded', async () => {
  rememberTable(IMAGE, image(BULK))
  const asked = vi.fn(() => Promise.resolve(new Response(Uint8Array.of(7, 0, 44, 1, 40, 0))))
  vi.stubGlobal('fetch', asked)
  const table = tableOf(IMAGE.replace('frames/1', 'frames/2'))
  expect(table && (await entriesFor(IMAGE, table))).toEqual(Uint16Array.of(7, 300, 40))
  expect(asked).toHaveBeenCalledWith(
    '/dicomweb/studies/1/series/2/instances/3/bulkdata/00283000.0.00283006', { headers: { Accept: 'application/octet-stream' } },
  )
  forgetTable(IMAGE)
  expect(tableOf(IMAGE)).toBeNull()
})
