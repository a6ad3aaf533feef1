import { expect, it } from 'vitest'
import { imageIdsOf, imagesOf, numbersOf, textsOf, thumbnailUrl, type ViewerStudy } from '../src/viewer/dicomweb'

const study: ViewerStudy = {
  study_instance_uid: '1.2',
  series: [
    {
      series_instance_uid: '1.2.3', modality: 'CT', series_description: '', not_a_volume: null, is_prepared: false,
      instances: [
        { sop_instance_uid: '1.2.3.1', number_of_frames: 1 },
        { sop_instance_uid: '1.2.3.2', number_of_frames: 2 },
      ],
    },
  ],
}

it('gives one image id per frame in slice order', () => {
  const [series] = study.series
  if (!series) throw new Error('no series')
  expect(imageIdsOf('http://host/dicomweb', study, series).map((id) => id.split('/instances/')[1])).toEqual([
    '1.2.3.1/frames/1', '1.2.3.2/frames/1', '1.2.3.2/frames/2',
  ])
  expect(thumbnailUrl('/dicomweb', study, series)).toBe('/dicomweb/studies/1.2/series/1.2.3/thumbnail')
})

it('gives them in the order of the slices where the frames of objects lie otherwise', () => {
  const series = { instances: study.series[0]?.instances ?? [], frame_order: [2, 0, 1] }
  expect(imagesOf(series).map(({ sop_instance_uid, frame }) => `${sop_instance_uid}:${frame}`)).toEqual([
    '1.2.3.2:2', '1.2.3.1:1', '1.2.3.2:1',
  ])
})

it('reads attributes that may be absent', () => {
  const dataset = { '00200037': { vr: 'DS', Value: [1, 0] }, '00200020': { vr: 'CS', Value: ['L', 'F'] } }
  expect(numbersOf(dataset, '00200037')).toEqual([1, 0])
  expect(textsOf(dataset, '00200020')).toEqual(['L', 'F'])
  expect(numbersOf(undefined, '00200037')).toEqual([])
})
