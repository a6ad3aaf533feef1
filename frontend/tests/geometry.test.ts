import { expect, it } from 'vitest'
import { edgeLetters, edgeLettersFromCodes, letters, opposite } from '../src/viewer/geometry'

it('names the edges of an axial slice', () => {
  expect(edgeLetters([1, 0, 0], [0, 1, 0])).toEqual({ left: 'R', right: 'L', top: 'A', bottom: 'P' })
})

it('names the edges of a sagittal slice', () => {
  expect(edgeLetters([0, 1, 0], [0, 0, -1])).toEqual({ left: 'A', right: 'P', top: 'H', bottom: 'F' })
})

it('names an oblique direction by its two strongest axes', () => {
  expect(letters([0.8, -0.6, 0.05])).toBe('LA')
  expect(opposite('LA')).toBe('RP')
})

it('takes radiographs from their orientation codes', () => {
  expect(edgeLettersFromCodes('L', 'F')).toEqual({ left: 'R', right: 'L', top: 'H', bottom: 'F' })
})
