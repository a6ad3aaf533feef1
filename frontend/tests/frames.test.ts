import { expect, it } from 'vitest'
import { keepMetadata } from '../src/viewer/metadata'
import { frameOf, framesAt, imagesOf, valuesIn } from '../src/viewer/regions/frames'
import { measure } from '../src/viewer/regions/statistics'
import { answerForHeaders, axialHeader, imagesAskedOf, keepHeader } from './harness/headers'

const box = { kind: 'box', pixels: [[1, 0], [2, 0], [2, 1], [1, 1]] } as const
const data = Int16Array.from([0, 1, 2, 3, 4, 5])
const image = {
  rows: 2, columns: 3, numberOfComponents: 1, color: false, slope: 2, intercept: -10, getPixelData: () => data,
}

it('measures stored pixels in their unit without a copy of the image', () => {
  const values = valuesIn(image, 'HU')
  expect(values?.data).toBe(data)
  // 1 2 4 5 rescaled: -8 -6 -2 0.
  expect(measure(box, values, null).intensities).toMatchObject({ count: 4, mean: -4, minimum: -8, maximum: 0, unit: 'HU' })
})

it('takes what was rescaled while it was decoded as it is', () => {
  const values = valuesIn({ ...image, preScale: { enabled: true, scaled: true } }, 'HU')
  expect(measure(box, values, null).intensities).toMatchObject({ count: 4, mean: 3, minimum: 1, maximum: 5 })
})

it('knows no values of colours', () => {
  expect(valuesIn({ ...image, numberOfComponents: 3, color: true }, '')).toBeNull()
})

it('finds the images of places by their names', () => {
  const view = { imageIds: ['a:/instances/1.2/frames/1', 'a:/instances/1.2/frames/2', 'a:/instances/1.3/frames/1'] }
  const second = { sop_instance_uid: '1.2', frame: 2, pixel: [0, 0] }
  expect([...imagesOf([second, { sop_instance_uid: '9', frame: 1 }], [view])]).toEqual([[second, 'a:/instances/1.2/frames/2']])
})

it('reads of a long series only the headers of the images that places name', () => {
  answerForHeaders()
  const imageIds = Array.from({ length: 100 }, (_, i) => `wadors:/r/instances/${i + 1}/frames/1`)
  for (const imageId of imageIds) keepHeader(imageId)
  const asked = imagesAskedOf()
  const place = { sop_instance_uid: '7', frame: 1 }
  expect(framesAt([place], [{ imageIds }]).get(place)?.imageId).toBe(imageIds[6])
  expect([...asked].filter((imageId) => imageIds.includes(String(imageId)))).toEqual([imageIds[6]])
})

it('places no pixels in the patient whose size makes no sense', () => {
  answerForHeaders()
  const [sound, flat] = ['wadors:/p/instances/1/frames/1', 'wadors:/p/instances/2/frames/1']
  keepHeader(sound)
  keepMetadata(flat, { ...axialHeader(flat), '00280030': { vr: 'DS', Value: [0, 0] } })
  expect([sound, flat].map((imageId) => frameOf(imageId)?.isPlaced)).toEqual([true, false])
})
