import { beforeAll, describe, expect, it } from 'vitest'
import type { DicomJson } from '../src/viewer/dicomweb'
import { keepMetadata } from '../src/viewer/metadata'
import { frameOf } from '../src/viewer/regions/frames'
import { answerForHeaders, scalingOf } from './harness/headers'

const numbers = (vr: string, ...Value: number[]) => ({ vr, Value })
const text = (vr: string, value: string) => ({ vr, Value: [value] })
const dose: DicomJson = {
  '00080016': text('UI', '1.2.840.10008.5.1.4.1.1.481.2'), '00080018': text('UI', '1.2.3'), '00080060': text('CS', 'RTDOSE'),
  '0020000D': text('UI', '1'), '0020000E': text('UI', '1.2'), '00200052': text('UI', '1.9'),
  '00280002': numbers('US', 1), '00280008': numbers('IS', 3), '00280010': numbers('US', 4), '00280011': numbers('US', 5),
  '00280030': numbers('DS', 10, 20), '00280100': numbers('US', 32),
  '00200032': numbers('DS', 189.5, 199.5, -761), '00200037': numbers('DS', 1, 0, 0, 0, 1, 0),
  '3004000C': numbers('DS', 0, 5, 10), '3004000E': numbers('DS', 1e-6),
}
const frame = (uid: string, number: number) => `wadors:http://here/studies/1/series/1.2/instances/${uid}/frames/${String(number)}`

function keep(uid: string, changes: DicomJson) {
  keepMetadata(frame(uid, 1), { ...dose, ...changes, '00080018': text('UI', uid) })
}

function places(uid: string) {
  return [1, 2, 3].map((number) => frameOf(frame(uid, number))?.plane.position)
}

// As the server: tests/integration/test_doses.py.
describe('a dose', () => {
  beforeAll(answerForHeaders)

  it('has planes that lie apart by its offsets', () => {
    keep('1.2.3', {})
    expect(places('1.2.3')).toEqual([[189.5, 199.5, -761], [189.5, 199.5, -756], [189.5, 199.5, -751]])
    expect(frameOf(frame('1.2.3', 3))?.plane.spacing_mm).toEqual([20, 10])
  })

  it('has offsets along its normal, or the z of its planes', () => {
    keep('1.2.4', { '00200037': numbers('DS', -1, 0, 0, 0, 1, 0) })
    expect(places('1.2.4').map((place) => place?.[2])).toEqual([-761, -766, -771])
    keep('1.2.5', { '3004000C': numbers('DS', -761, -758, -755) })
    expect(places('1.2.5').map((place) => place?.[2])).toEqual([-761, -758, -755])
  })

  it('has values that are counts by its scaling', () => {
    keep('1.2.6', {})
    expect(scalingOf(frame('1.2.6', 2))).toMatchObject({ doseGridScaling: 1e-6, rescaleSlope: 1 })
  })
})
