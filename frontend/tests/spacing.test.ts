import { expect, it } from 'vitest'
import type { DicomJson } from '../src/viewer/dicomweb'
import { spacingOf, withUsedSpacing } from '../src/viewer/spacing'
import { forgetSpacing, rememberSpacing, spacingAt, spacingBetween } from '../src/viewer/spacings'

const DX = '1.2.840.10008.5.1.4.1.1.1.1'
const CT = '1.2.840.10008.5.1.4.1.1.2'

function dataset(values: Record<string, unknown[]>): DicomJson {
  return Object.fromEntries(
    Object.entries(values).map(([tag, Value]) => [tag, { vr: 'UN', Value }]),
  )
}

function radiograph(values: Record<string, unknown[]>): DicomJson {
  return dataset({ '00080016': [DX], ...values })
}

it('takes slices at their word', () => {
  const slice = dataset({
    '00080016': [CT], '00280030': [0.7, 0.8], '00200037': [1, 0, 0, 0, 1, 0],
  })
  expect(spacingOf(slice)).toEqual({ source: 'patient', row_mm: 0.7, column_mm: 0.8 })
  expect(withUsedSpacing(slice)).toBe(slice)
})

it('finds the spacing of enhanced objects in their shared groups', () => {
  const measures = dataset({ '00280030': [0.5, 0.6] })
  const shared = dataset({ '00289110': [measures] })
  expect(spacingOf(dataset({ '52009229': [shared] }))).toEqual(
    { source: 'patient', row_mm: 0.5, column_mm: 0.6 },
  )
})

it('knows radiographs only at the detector', () => {
  const atDetector = { source: 'detector', row_mm: 0.14, column_mm: 0.15 }
  expect(spacingOf(radiograph({ '00181164': [0.14, 0.15] }))).toEqual(atDetector)
  expect(spacingOf(radiograph({ '00280030': [0.14, 0.15] }))).toEqual(atDetector)
  expect(spacingOf(radiograph({ '00280030': [0.14, 0.15], '00181164': [0.14, 0.15] }))).toEqual(
    atDetector,
  )
})

it('believes a calibration', () => {
  for (const type of ['GEOMETRY', 'FIDUCIAL']) {
    const image = radiograph(
      { '00280030': [0.1, 0.1], '00280A02': [type], '00181164': [0.2, 0.2] },
    )
    expect(spacingOf(image)).toEqual({ source: 'calibrated', row_mm: 0.1, column_mm: 0.1 })
  }
  const corrected = radiograph({ '00280030': [0.1, 0.1], '00181164': [0.2, 0.2] })
  expect(spacingOf(corrected)).toEqual({ source: 'calibrated', row_mm: 0.1, column_mm: 0.1 })
})

it('brings detector pixels to the body by the magnification', () => {
  const estimated = radiograph({ '00181164': [0.2, 0.3], '00181114': [2] })
  expect(spacingOf(estimated)).toEqual({ source: 'calibrated', row_mm: 0.1, column_mm: 0.15 })
  const measured = radiograph({ '00181164': [0.2, 0.3], '00181110': [1000], '00181111': [500] })
  expect(spacingOf(measured)).toEqual({ source: 'calibrated', row_mm: 0.1, column_mm: 0.15 })
})

it('measures ultrasound in the region under the pixel', () => {
  const region = (x0: number, x1: number, delta: number, format = 1) => dataset({
    '00186012': [format], '00186018': [x0], '0018601A': [0], '0018601C': [x1], '0018601E': [99],
    '00186024': [3], '00186026': [3], '0018602C': [delta], '0018602E': [delta],
  })
  const one = dataset({ '00186011': [region(0, 99, 0.02), region(100, 199, 0.5, 3)] })
  expect(spacingOf(one)).toEqual({ source: 'calibrated', row_mm: 0.2, column_mm: 0.2 })
  expect(spacingOf(one, [150, 50]).source).toBe('none')
  const two = dataset({ '00186011': [region(0, 99, 0.02), region(100, 199, 0.04)] })
  expect(spacingOf(two)).toEqual({ source: 'calibrated', row_mm: null, column_mm: null })
  expect(spacingOf(two, [150, 50])).toEqual({ source: 'calibrated', row_mm: 0.4, column_mm: 0.4 })
})

it('has no millimetres where nothing is said', () => {
  expect(spacingOf(undefined)).toEqual({ source: 'none', row_mm: null, column_mm: null })
  expect(spacingOf(radiograph({ '00280030': [0, 0] })).source).toBe('none')
})

it('hands Cornerstone what it does not look for itself', () => {
  const used = withUsedSpacing(dataset({ '00181164': [0.14, 0.15] }))
  expect(used['00280030']?.Value).toEqual([0.14, 0.15])
})

it('knows no size of pixels where what is told makes no sense, and shows Cornerstone none', () => {
  for (const told of [[0, 0], [-0.2, -0.2], ['wide', 'high'], [0.2]]) {
    const unusable = radiograph({ '00280030': told })
    expect(withUsedSpacing(unusable)).toEqual(radiograph({}))
    rememberSpacing('wadors:x/instances/0/frames/1', unusable)
    expect(spacingBetween('wadors:x/instances/0/frames/1', [[0, 0], [100, 0]], [1, 1])).toEqual({ source: 'none', spacing_mm: null })
  }
})

it('draws pixels in their shape where nobody knows their size, which stays unknown', () => {
  const tall = dataset({ '00280034': [4, 3] })
  expect(withUsedSpacing(tall)['00280030']?.Value).toEqual([4 / 3, 1])
  expect(spacingOf(tall).source).toBe('none')
  expect(withUsedSpacing(dataset({ '00280030': [0, 0], '00280034': [4, 3] }))['00280030']?.Value).toEqual([4 / 3, 1])
  const region = dataset({ '00186012': [3] }) // a spectrum
  expect(withUsedSpacing(dataset({ '00186011': [region], '00280034': [4, 3] }))['00280030']?.Value).toEqual([4 / 3, 1])
})

it.each([
  { '00280034': [1, 1] }, { '00280034': [0, 3] }, { '00280030': [0.7, 0.8], '00280034': [4, 3] },
  // With a spacing it would have a place in the patient.
  { '00200037': [1, 0, 0, 0, 1, 0], '00280034': [4, 3] },
  { '52009229': [dataset({ '00289110': [dataset({ '00280030': [0.5, 0.6] })] })], '00280034': [4, 3] },
])('leaves alone what has its shape already, or a place (%j)', (values) => {
  const image = dataset(values)
  expect(withUsedSpacing(image)).toBe(image)
})

it('keeps the spacing of an image for all its frames until it is forgotten', () => {
  rememberSpacing('wadors:x/instances/1/frames/1', radiograph({ '00181164': [0.14, 0.15] }))
  expect(spacingAt('wadors:x/instances/1/frames/7', [3, 4])).toEqual(
    { source: 'detector', row_mm: 0.14, column_mm: 0.15 },
  )
  forgetSpacing('wadors:x/instances/1/frames/2')
  expect(spacingAt('wadors:x/instances/1/frames/1').source).toBe('none')
})

it('hands Cornerstone the corrected size of a pixel, not that at the detector', () => {
  const used = withUsedSpacing(radiograph({ '00280030': [0.2, 0.3], '00181164': [0.2, 0.3], '00181114': [2] }))
  expect(used['00280030']?.Value).toEqual([0.1, 0.15])
})

it('measures between pixels with the scale of their place, or with none', () => {
  const region = (x0: number, x1: number, row: number, column: number) => dataset({
    '00186012': [1], '00186018': [x0], '0018601A': [0], '0018601C': [x1], '0018601E': [99],
    '00186024': [3], '00186026': [3], '0018602C': [column], '0018602E': [row],
  })
  const image = 'wadors:x/instances/us/frames/1'
  rememberSpacing(image, dataset({ '00186011': [region(0, 99, 0.02, 0.03), region(100, 199, 0.04, 0.04)] }))
  expect(spacingBetween(image, [[1, 1], [90, 9]], [1, 1])).toEqual({ source: 'calibrated', spacing_mm: [0.3, 0.2] })
  for (const pixels of [[[1, 1], [150, 9]], [[1, 1], [400, 9]]] as const) {
    expect(spacingBetween(image, pixels, [1, 1])).toEqual({ source: 'none', spacing_mm: null })
  }
  const slice = 'wadors:x/instances/ct/frames/1'
  rememberSpacing(slice, dataset({ '00080016': [CT], '00280030': [0.7, 0.8], '00200037': [1, 0, 0, 0, 1, 0] }))
  expect(spacingBetween(slice, [[1, 1]], [0.8, 0.7])).toEqual({ source: 'patient', spacing_mm: [0.8, 0.7] })
})
