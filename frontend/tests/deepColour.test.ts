import { expect, it } from 'vitest'
import { withColourAsSent } from '../src/viewer/deepColour'

const pixels = (photometric: string, samples: number, bits: number, planar = 0) => ({
  '00280002': { vr: 'US', Value: [samples] }, '00280004': { vr: 'CS', Value: [photometric] },
  '00280006': { vr: 'US', Value: [planar] }, '00280100': { vr: 'US', Value: [bits] },
  '00280101': { vr: 'US', Value: [bits] }, '00280102': { vr: 'US', Value: [bits - 1] },
})

it('describes colour of more than 8 bits as it is sent', () => {
  expect(withColourAsSent(pixels('RGB', 3, 16, 1))).toEqual(pixels('RGB', 3, 8))
  expect(withColourAsSent(pixels('YBR_FULL', 3, 32))).toEqual(pixels('RGB', 3, 8))
})

it('leaves other images as they are', () => {
  for (const dataset of [pixels('MONOCHROME2', 1, 16), pixels('RGB', 3, 8, 1), {}]) {
    expect(withColourAsSent(dataset)).toBe(dataset)
  }
})
