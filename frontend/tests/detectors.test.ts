import { beforeAll, expect, it } from 'vitest'
import { codesOfDetector } from '../src/viewer/detectors'
import type { DicomJson } from '../src/viewer/dicomweb'
import { edgeLettersFromView } from '../src/viewer/geometry'
import { planeOf } from '../src/viewer/loading'
import { keepMetadata } from '../src/viewer/metadata'
import { frameOf } from '../src/viewer/regions/frames'
import { answerForHeaders } from './harness/headers'

const FRONT = [1, 0, 0, 0, 0, -1]
const BACK = [-1, 0, 0, 0, 0, -1]
const AXIAL = [1, 0, 0, 0, 1, 0]

function dataset(values: Record<string, unknown[]>): DicomJson {
  const vrOf = (tag: string) => (tag === '00540022' ? 'SQ' : 'DS')
  return Object.fromEntries(Object.entries(values).map(([tag, Value]) => [tag, { vr: vrOf(tag), Value }]))
}

function detector(orientation: number[], position?: number[]): DicomJson {
  return dataset({ '00200037': orientation, ...(position && { '00200032': position }) })
}

/** An object of nuclear medicine with so many frames. */
function scan(kind: string, frames: number, values: Record<string, unknown[]>): DicomJson {
  return dataset({
    '00080008': ['ORIGINAL', 'PRIMARY', kind, 'EMISSION'], '00080016': ['1.2.840.10008.5.1.4.1.1.20'], '0020000E': ['1.2.3'],
    '00280008': [frames], '00280010': [64], '00280011': [32], '00280030': [2, 2], ...values,
  })
}

const wholeBody = scan('WHOLE BODY', 2, { '00540020': [1, 2], '00540022': [detector(FRONT), detector(BACK)] })
/** Slices 4 mm apart, each behind the one before. */
const slices = { '00180088': [4], '00540022': [detector(AXIAL, [-10, -20, 30])] }

function kept(name: string, header: DicomJson): (frame: number) => string {
  const imageOf = (frame: number) => `wadors:/nm/instances/${name}/frames/${frame}`
  keepMetadata(imageOf(1), header)
  return imageOf
}

beforeAll(answerForHeaders)

it('says of the posterior view of a bone scan that its left is the left of the patient', () => {
  const sides = (frame: number) => edgeLettersFromView([1, 0, 0], [0, 1, 0], codesOfDetector(wholeBody, frame) ?? ['', ''])
  expect(sides(1)).toEqual({ left: 'R', right: 'L', top: 'H', bottom: 'F' })
  expect(sides(2)).toEqual({ left: 'L', right: 'R', top: 'H', bottom: 'F' })
})

it('gives no view of a detector a place in the patient', () => {
  const imageOf = kept('1.1', wholeBody)
  expect([1, 2].map((frame) => planeOf(imageOf(frame)))).toEqual([null, null])
  expect([1, 2].map((frame) => frameOf(imageOf(frame))?.isPlaced)).toEqual([false, false])
})

it('knows the only detector of frames that name none, and none of several', () => {
  expect(codesOfDetector(scan('STATIC', 3, { '00540022': [detector(BACK)] }), 3)).toEqual(['R', 'F'])
  expect(codesOfDetector(scan('STATIC', 2, { '00540022': [detector(FRONT), detector(BACK)] }), 1)).toBeNull()
  expect(codesOfDetector(scan('STATIC', 1, { '00540022': [dataset({})] }), 1)).toBeNull()
  expect(codesOfDetector(undefined, 1)).toBeNull()
})

it('says nothing of the sides that a detector sees while it turns round the patient', () => {
  expect(codesOfDetector(scan('TOMO', 60, { '00540022': [detector(FRONT)] }), 31)).toBeNull()
})

it('places the slices that were reconstructed one behind the other', () => {
  const imageOf = kept('1.2', scan('RECON TOMO', 3, slices))
  expect(planeOf(imageOf(3))?.position).toEqual([-10, -20, 38])
})

it.each([
  ['1.3', scan('RECON TOMO', 3, { '00180088': [4], '00540022': [detector(AXIAL)] })],
  ['1.4', scan('RECON TOMO', 3, { '00540022': [detector(AXIAL, [-10, -20, 30])] })],
  // Frame 3 is the first slice of the second time slot.
  ['1.5', scan('RECON GATED TOMO', 4, { ...slices, '00540080': [1, 2, 1, 2] })],
])('places no slices where their places are not known (%s)', (name, header) => {
  expect(planeOf(kept(name, header)(3))).toBeNull()
  expect(codesOfDetector(header, 3)).toEqual(['L', 'P'])
})
