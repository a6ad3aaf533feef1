import { expect, it } from 'vitest'
import { isThick } from '../src/viewer/thickness'

type Seen = Parameters<typeof isThick>[1]
/** Along slices of 3 mm. */
const viewport = {
  getCamera: () => ({ viewPlaneNormal: [0, 0, 1] }),
  getImageData: () => ({ direction: [1, 0, 0, 0, 1, 0, 0, 0, 1], spacing: [1, 1, 3] }),
} as unknown as Seen

it('calls a slab thick that shows several slices as one', () => {
  expect(isThick({ slab: { mm: 3.5, mode: 'mip' } }, viewport)).toBe(true)
  expect(isThick({ slab: { mm: null, mode: 'average' } }, viewport)).toBe(true)
  expect(isThick({ slab: { mm: 3, mode: 'mip' } }, null)).toBe(true)
})

it('calls none thick that shows one slice', () => {
  expect(isThick({ slab: null }, viewport)).toBe(false)
  expect(isThick({ slab: { mm: 3, mode: 'mip' } }, viewport)).toBe(false)
})
