import { afterEach, describe, expect, it } from 'vitest'
import { setLanguage } from '../src/i18n'
import type { Content } from '../src/labeling/content'
import { differencesOf } from '../src/labeling/differences'
import type { Case } from '../src/labeling/amiss'
import type { Region } from '../src/viewer/types'

const REGION: Region = {
  id: 'r1', kind: 'box', label: 'nodule', name: '', answers: {}, sop_instance_uid: '1.2.2', frame: 1,
  pixels: [[0, 0], [4, 0], [4, 2], [0, 2]], points: null, is_hidden: false, is_locked: false,
}
const instances = ['1.2.1', '1.2.2'].map((sop_instance_uid) => ({ sop_instance_uid, number_of_frames: 1 }))
const THE = {
  study: { study_instance_uid: '1', series: [{ series_instance_uid: '1.2', series_description: 'Chest', modality: 'CT', instances }] },
  definition: {
    questions: [
      { key: 'quality', label: 'Quality?', kind: 'one', options: [{ key: 'good', label: 'Good' }, { key: 'poor', label: 'Poor' }] },
      { key: 'size', label: 'Size?', kind: 'number', unit: { code: 'mm', label: 'mm' } },
    ],
    region_labels: [{ key: 'nodule', label: 'Nodule' }, { key: 'cyst', label: 'Cyst' }],
  },
} as unknown as Case
const EMPTY: Content = { answers: {} }
const of = (mine: Partial<Content>, theirs: Partial<Content>) =>
  differencesOf({ ...EMPTY, ...mine }, { ...EMPTY, ...theirs }, THE).map(({ what, here, there }) => [what, here, there])

afterEach(() => setLanguage('en'))

describe('two versions of a read', () => {
  it('differ in the answers about the study', () => {
    expect(of({ answers: { quality: 'good', size: 2.5 } }, { answers: { quality: 'poor', size: 2.5 } }))
      .toEqual([['Quality?', 'Good', 'Poor']])
  })

  it('differ in the answers about a series and about an image, and say which', () => {
    const series = (quality: string) => ({ series_instance_uid: '1.2', answers: { quality } })
    const image = { sop_instance_uid: '1.2.2', frame: 1, answers: { size: 7 } }
    expect(of({ scoped: [series('good'), image] }, { scoped: [series('poor')] })).toEqual([
      ['the series Chest · Quality?', 'Good', 'Poor'],
      ['the image 2 of Chest · Size?', '7 mm', 'no answer'],
    ])
    setLanguage('de')
    expect(of({ scoped: [image] }, {})).toEqual([['Bild 2 von Chest · Size?', '7 mm', 'keine Antwort']])
  })

  it('that answer the same places in another order do not differ in words', () => {
    const places = [{ series_instance_uid: '1.2', answers: { quality: 'good' } }, { sop_instance_uid: '1.2.1', frame: 1, answers: { size: 1 } }]
    expect(of({ scoped: places }, { scoped: [...places].reverse() })).toEqual([])
  })

  it('differ in regions that one of them lacks', () => {
    expect(of({ regions: [REGION] }, {})).toEqual([
      ['Regions', '1', '0'],
      ['region 1. Nodule, the image 2 of Chest', 'drawn', 'not drawn'],
    ])
  })

  it('differ in what a region says and where it is drawn', () => {
    const other = { ...REGION, label: 'cyst', name: 'left', is_locked: true, answers: { size: 3 }, pixels: REGION.pixels.map(([x, y]) => [x + 1, y] as const) }
    const where = 'region 1. Nodule, the image 2 of Chest'
    expect(of({ regions: [REGION] }, { regions: [other] })).toEqual([
      [where, 'drawn on the image 2 of Chest', 'drawn on the image 2 of Chest, otherwise'],
      [`${where} · Label`, 'Nodule', 'Cyst'],
      [`${where} · Name`, '–', 'left'],
      [where, 'shown, not locked', 'shown, locked'],
      [`${where} · Size?`, 'no answer', '3 mm'],
    ])
  })

  it('differ in painted slices, also where they are as many', () => {
    const mask = (slices: Record<string, string>) => ({ layer: 1, series_instance_uid: '1.2', rows: 4, columns: 4, slices })
    const what = 'segmentation in layer 1, the series Chest'
    expect(of({}, { masks: [mask({ '1.2.1:1': 'a' })] })).toEqual([[what, '0 images', '1 image']])
    expect(of({ masks: [mask({ '1.2.1:1': 'a', '1.2.2:1': 'b' })] }, { masks: [mask({ '1.2.1:1': 'a', '1.2.2:1': 'c' })] }))
      .toEqual([[what, '2 images', '2 images, 1 of them otherwise']])
  })

  it('differ in imported masks, which are not drawn', () => {
    expect(of({ masks: [{ sha256: 'a' }] }, { masks: [{ sha256: 'b' }] }))
      .toEqual([['Segmentations', '1 imported', '1 imported, otherwise']])
  })

  it('differ in what became of suggestions and in the first impression', () => {
    const use = { id: 's1', at: '2026-01-01T00:00:00Z' }
    expect(of({ suggestions: [{ ...use, action: 'accepted' }] }, { suggestions: [{ ...use, action: 'refused' }] }))
      .toEqual([['Suggestion 1', 'accepted', 'refused']])
    const first = (quality: string) => ({ answers: { quality }, at: use.at })
    expect(of({ first_impression: first('good') }, {})).toEqual([['First impression', 'kept', 'not kept']])
    expect(of({ first_impression: first('good') }, { first_impression: first('poor') }))
      .toEqual([['First impression · Quality?', 'Good', 'Poor']])
  })

  it('differ in what this program does not know', () => {
    const later = { ...EMPTY, mood: 'fine' } as Content
    expect(differencesOf(later, EMPTY, THE)).toEqual([{ what: 'mood', here: '"fine"', there: '–' }])
  })
})
