import { describe, expect, it } from 'vitest'
import { expandSegments, withExpandedPalette } from '../src/viewer/palette'

function base64(words: number[]): string {
  return btoa(words.map((w) => String.fromCharCode(w & 0xff, w >> 8)).join(''))
}

describe('segmented palettes', () => {
  it('expands discrete and linear segments', () => {
    expect(expandSegments([0, 2, 0, 100, 1, 4, 500])).toEqual([0, 100, 200, 300, 400, 500])
  })

  it('follows an indirect segment to earlier ones', () => {
    expect(expandSegments([0, 1, 7, 2, 1, 0, 0])).toEqual([7, 7])
  })

  it('stops at nonsense instead of running for ever', () => {
    expect(expandSegments([9, 9, 9])).toEqual([])
    expect(expandSegments([2, 60_000, 0, 0])).toEqual([])
    expect(expandSegments([1, 65_535, 10, 1, 65_535, 20]).length).toBeLessThanOrEqual(65_536)
  })

  it('fills in the plain tables of a dataset', () => {
    const segments = { vr: 'OW', InlineBinary: base64([0, 2, 1, 2, 1, 2, 4]) }
    const descriptor = { vr: 'US', Value: [4, 0, 16] }
    const dataset = withExpandedPalette({ '00281101': descriptor, '00281221': segments })
    expect(dataset['00281201']?.InlineBinary).toBe(base64([1, 2, 3, 4]))
  })

  it('leaves a dataset alone whose segments are too short', () => {
    const dataset = {
      '00281101': { vr: 'US', Value: [9, 0, 16] },
      '00281221': { vr: 'OW', InlineBinary: base64([0, 1, 1]) },
    }
    expect(withExpandedPalette(dataset)).toBe(dataset)
  })
})
