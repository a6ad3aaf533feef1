import * as core from '@cornerstonejs/core'
import { afterEach, expect, it } from 'vitest'
import { imagesOf, valuesOf } from '../src/viewer/regions/frames'
import { measure } from '../src/viewer/regions/statistics'

const ID = 'test:/instances/1.2.3/frames/1'
const box = { kind: 'box', pixels: [[1, 0], [2, 0], [2, 1], [1, 1]] } as const
const decoded = (extra: object) => {
  const data = Int16Array.from([0, 1, 2, 3, 4, 5])
  const image = {
    imageId: ID, rows: 2, columns: 3, numberOfComponents: 1, color: false, slope: 2, intercept: -10, sizeInBytes: data.byteLength,
    getPixelData: () => data, ...extra,
  }
  core.cache.putImageSync(ID, image as unknown as core.Types.IImage)
  return data
}

afterEach(() => core.cache.purgeCache())

it('measures stored pixels in their unit without a copy of the image', () => {
  const data = decoded({})
  const values = valuesOf(ID)
  expect(values?.data).toBe(data)
  // 1 2 4 5 rescaled: -8 -6 -2 0.
  expect(measure(box, values, null).intensities).toMatchObject({ count: 4, mean: -4, minimum: -8, maximum: 0 })
})

it('takes what was rescaled while it was decoded as it is', () => {
  decoded({ preScale: { scaled: true } })
  expect(measure(box, valuesOf(ID), null).intensities).toMatchObject({ count: 4, mean: 3, minimum: 1, maximum: 5 })
})

it('knows no values of colours', () => {
  decoded({ numberOfComponents: 3, color: true })
  expect(valuesOf(ID)).toBeNull()
})

it('finds the images of places by their names', () => {
  const view = { imageIds: ['a:/instances/1.2/frames/1', 'a:/instances/1.2/frames/2', 'a:/instances/1.3/frames/1'] }
  const second = { sop_instance_uid: '1.2', frame: 2, pixel: [0, 0] }
  expect([...imagesOf([second, { sop_instance_uid: '9', frame: 1 }], [view])]).toEqual([[second, 'a:/instances/1.2/frames/2']])
})
