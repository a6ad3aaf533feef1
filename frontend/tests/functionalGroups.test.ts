import { describe, expect, it } from 'vitest'
import { frameBytes } from '../src/viewer/budget'
import type { DicomJson } from '../src/viewer/dicomweb'
import { numbersInGroups, withReadableGroups } from '../src/viewer/functionalGroups'

const numbers = (...Value: number[]) => ({ vr: 'DS', Value })
const items = (...Value: (DicomJson | null)[]) => ({ vr: 'SQ', Value })
const at = (z: number, more: DicomJson = {}) => ({ '00209113': items({ '00200032': numbers(0, 0, z) }), ...more })
const windowed = (width: number) => ({ '00289132': items({ '00281050': numbers(40), '00281051': numbers(width) }) })
const rescaled = (slope: number) => ({ '00289145': items({ '00281053': numbers(slope), '00281052': numbers(0) }) })
const measures = { '00289110': items({ '00280030': numbers(0.5, 0.7) }) }

function enhanced(frames: (DicomJson | null)[], shared?: DicomJson): DicomJson {
  return {
    '00280008': numbers(frames.length), '00280010': numbers(4), '00280011': numbers(5), '00280100': numbers(16),
    '52009230': items(...frames), ...(shared && { '52009229': items(shared) }),
  }
}

describe('groups of frames', () => {
  it('lie beside the other attributes of an object with one frame', () => {
    const flat = withReadableGroups(enhanced([at(7, windowed(400))], measures))
    expect([flat['00200032'], flat['00280030'], flat['00281051']]).toEqual([
      numbers(0, 0, 7), numbers(0.5, 0.7), numbers(400),
    ])
  })

  it('stay where they are in others, with an empty one where all share nothing', () => {
    const dataset = enhanced([at(1), null])
    expect(withReadableGroups(dataset)).toEqual({
      ...dataset, '52009229': items({}), '52009230': items(at(1), {}),
    })
    expect(withReadableGroups({ '00280010': numbers(4) })).toEqual({ '00280010': numbers(4) })
  })

  it('have no windows that make no sense', () => {
    const groups = withReadableGroups(enhanced([at(1, windowed(0)), at(2, windowed(9))], windowed(0)))
    expect([groups['52009229'], groups['52009230']]).toEqual([
      items({ '00289132': items({}) }), items(at(1, { '00289132': items({}) }), at(2, windowed(9))),
    ])
  })

  it('tell of every frame how its values are rescaled, and so how many bytes they take', () => {
    const dataset = enhanced([at(1, rescaled(1)), at(2, rescaled(0.5))])
    expect(numbersInGroups(dataset, '00289145', '00281053')).toEqual([1, 0.5])
    expect(frameBytes(dataset)).toBe(4 * 5 * 4)
    expect(frameBytes(enhanced([at(1), at(2)], rescaled(1)))).toBe(4 * 5 * 2)
    expect(numbersInGroups({ '00281053': numbers(3) }, '00289145', '00281053')).toEqual([3])
  })
})
