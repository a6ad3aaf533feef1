import { afterEach, describe, expect, it } from 'vitest'
import { setLanguage } from '../src/i18n'
import { linesInImage, statisticsLines } from '../src/labeling/statisticsText'

const NONE = { intensities: null, area: null, length: null, width: null, angle_degrees: null }

afterEach(() => setLanguage('en'))

describe('what a region measures', () => {
  it('is one value of a point', () => {
    const intensities = { count: 1, mean: 60, sd: 0, minimum: 60, maximum: 60, unit: 'HU' }
    expect(statisticsLines({ ...NONE, intensities }, 'patient')).toEqual(['value 60.0 HU'])
  })

  it('is said in the language and with the decimal sign of the reader, in the list and in the image', () => {
    setLanguage('de')
    const measured = { ...NONE, length: { value: 12.44, unit: 'mm' as const } }
    expect(statisticsLines(measured, 'detector')).toEqual(['12,4 mm (mm am Detektor, nicht im Patienten)'])
  })

  it('says where millimetres come from', () => {
    const measured = { ...NONE, length: { value: 12.44, unit: 'mm' as const }, width: { value: 9, unit: 'mm' as const } }
    expect(statisticsLines(measured, 'detector')).toEqual(['12.4 × 9.0 mm (mm at the detector, not in the patient)'])
  })

  it('claims no source for pixels', () => {
    const measured = { ...NONE, length: { value: 30, unit: 'px' as const }, area: { value: 400, unit: 'px²' as const } }
    expect(statisticsLines(measured, 'none')).toEqual(['30.0 px', 'area 400.0 px²'])
  })

  it('says nothing of a unit that is none', () => {
    const intensities = { count: 9, mean: 470, sd: 44, minimum: 200, maximum: 600, unit: 'SIGNAL INTENSITY (UNITLESS)' }
    expect(statisticsLines({ ...NONE, intensities }, 'none')).toEqual(['mean 470.0, SD 44.0, 200.0 to 600.0'])
  })

  it('gives Hounsfield units one digit, though all are the same', () => {
    const intensities = { count: 9, mean: 40, sd: 0, minimum: 40, maximum: 40, unit: 'HU' }
    expect(statisticsLines({ ...NONE, intensities }, 'patient')).toEqual(['mean 40.0 HU, SD 0.0, 40.0 to 40.0'])
  })

  it('keeps the digits of small values', () => {
    const measured = { ...NONE, intensities: { count: 9, mean: 0.0123, sd: 0.002, minimum: 0, maximum: 0.04, unit: '' } }
    expect(statisticsLines(measured, 'none')).toEqual(['mean 0.012, SD 0.002, 0.000 to 0.040'])
  })

  it('breaks no unit into two lines', () => {
    const intensities = { count: 1, mean: 3, sd: 0, minimum: 3, maximum: 3, unit: 'counts, corrected' }
    expect(linesInImage({ ...NONE, intensities }, 'none')).toEqual(['value 3.000 counts, corrected'])
  })

  it('is said in short lines in the image, without the millimetres that need no word', () => {
    const intensities = { count: 9, mean: 40.5, sd: 12, minimum: 0, maximum: 90, unit: 'HU' }
    const measured = { ...NONE, area: { value: 212.8, unit: 'mm²' as const }, intensities }
    const values = ['mean 40.5 HU', 'SD 12.0', '0.0 to 90.0']
    expect(linesInImage(measured, 'patient')).toEqual(['area 212.8 mm²', ...values])
    const source = ['mm at the detector', 'not in the patient']
    expect(linesInImage(measured, 'detector')).toEqual(['area 212.8 mm²', ...source, ...values])
    setLanguage('de')
    expect(linesInImage(measured, 'patient')).toEqual(['Fläche 212,8 mm²', 'Mittel 40,5 HU', 'SD 12,0', '0,0 bis 90,0'])
  })
})
