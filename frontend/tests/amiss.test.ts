import { describe, expect, it } from 'vitest'
import { amissIn, missingIn, type Case } from '../src/labeling/amiss'
import type { Region } from '../src/viewer/types'

const region = {
  id: 'r1', kind: 'box', label: 'nodule', name: '', answers: {}, sop_instance_uid: '1.2.2', frame: 1,
  pixels: [[0, 0], [4, 0], [4, 2], [0, 2]], points: null, is_hidden: false, is_locked: false,
} satisfies Region
const instances = ['1.2.1', '1.2.2'].map((sop_instance_uid) => ({ sop_instance_uid, number_of_frames: 1 }))
const the = {
  content: {
    answers: {},
    regions: [region],
    scoped: [{ series_instance_uid: '1.2', answers: {} }, { sop_instance_uid: '1.2.2', frame: 1, answers: {} }],
    masks: [{ layer: 1, series_instance_uid: '1.2', rows: 4, columns: 4, slices: { '1.2.1:1': 'sha' } }],
  },
  study: { study_instance_uid: '1', series: [{ series_instance_uid: '1.2', series_description: 'Chest', modality: 'CT', instances }] },
  definition: {
    questions: [{ key: 'size', label: 'Size?', kind: 'number' }],
    region_labels: [{ key: 'nodule', label: 'Nodule' }],
  },
} as unknown as Case
const SECOND = { sop_instance_uid: '1.2.2', frame: 1 }

describe('what the server found wrong', () => {
  const where = (path: string) => amissIn({ [path]: 'is wrong' }, the)[0]

  it('is said of a region by its number, label and image, and is in its middle', () => {
    expect(where('regions[0].answers.size')).toEqual({
      where: 'region 1. Nodule, the image 2 of Chest · Size?', what: 'is wrong',
      target: { ...SECOND, pixel: [2, 1], region: 'r1' },
    })
    expect(where('regions[0].kind')?.where).toBe('region 1. Nodule, the image 2 of Chest')
  })

  it('is said of answers about a series and an image', () => {
    expect(where('scoped[0].answers.size')).toMatchObject({
      where: 'the series Chest · Size?', target: { series_instance_uid: '1.2' },
    })
    expect(where('scoped[1].frame')).toMatchObject({ where: 'the image 2 of Chest', target: SECOND })
  })

  it('is said of a segmentation by the slice, or by its first one', () => {
    expect(where('masks[0].slices.1.2.2:1')).toMatchObject({
      where: 'segmentation in layer 1, the image 2 of Chest', target: SECOND,
    })
    expect(where('masks[0].layer')?.target).toMatchObject({ sop_instance_uid: '1.2.1' })
  })

  it('is said by the path where nothing can be shown', () => {
    expect(where('regions[7].label')).toEqual({ where: 'regions[7].label', what: 'is wrong', target: null })
    expect(where('answers.size')).toMatchObject({ where: 'Size?', target: null })
  })

  it('names no image that is of another study', () => {
    const elsewhere = { ...the, content: { ...the.content, regions: [{ ...region, sop_instance_uid: '9.9' }] } }
    expect(amissIn({ 'regions[0].sop_instance_uid': 'is not of this study' }, elsewhere)[0]?.where)
      .toBe('region 1. Nodule, not in this study')
  })
})

it('a missing answer about an image leads there', () => {
  expect(missingIn({ scope: 'instance', place: SECOND }, 'size', the)).toMatchObject({
    where: 'the image 2 of Chest', what: 'Size?', target: SECOND,
  })
  expect(missingIn({ scope: 'study' }, 'size', the)).toMatchObject({ where: '', what: 'Size?', target: null })
})
