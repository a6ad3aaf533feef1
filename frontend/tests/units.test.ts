import { expect, it } from 'vitest'
import { shownAndOpen } from '../src/labeling/segmentLooks'
import { unitOfValues } from '../src/viewer/units'

it.each([
  [{ modality: 'PT', units: 'BQML', isSuv: false }, 'Bq/ml'],
  [{ modality: 'PT', units: 'BQML', rescaleType: 'US', isSuv: false }, 'Bq/ml'],
  [{ modality: 'PT', units: 'BQML', isSuv: true }, 'SUV'],
  [{ modality: 'PT', units: 'ODD', isSuv: false }, 'ODD'],
  [{ modality: 'CT', rescaleType: 'US', isSuv: false }, 'HU'],
  [{ modality: 'CT', rescaleType: 'HU', isSuv: false }, 'HU'],
  [{ modality: 'MR', isSuv: false }, ''],
])('values of %o are in "%s"', (facts, unit) => {
  expect(unitOfValues(facts)).toBe(unit)
})

it('a new case shows every segment and lets every one be painted, as strongly as before', () => {
  expect(shownAndOpen({ 2: { opacity: 0.7, isHidden: true, isLocked: true } })).toEqual(
    { 2: { opacity: 0.7, isHidden: false, isLocked: false } })
})
