import { expect, it } from 'vitest'
import { imageIdsOf, numbersOf, textsOf, thumbnailUrl, type ViewerStudy } from '../src/viewer/dicomweb'

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

it('reads attributes that may be absent', () => {
  const dataset = { '00200037': { vr: 'DS', Value: [1, 0] }, '00200020': { vr: 'CS', Value: ['L', 'F'] } }
  expect(numbersOf(dataset, '00200037')).toEqual([1, 0])
  expect(textsOf(dataset, '00200020')).toEqual(['L', 'F'])
  expect(numbersOf(undefined, '00200037')).toEqual([])
})
