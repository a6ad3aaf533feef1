import { expect, it } from 'vitest'
import { typeHolding, type PixelFacts } from '../src/viewer/pixelTypes'

const MR: PixelFacts = {
  bitsAllocated: 16, bitsStored: 12, isSigned: false, slope: 1, intercept: 0, modality: 'MR', padding: undefined,
}
const image = (part: Partial<PixelFacts>): PixelFacts => ({ ...MR, ...part })
const CT = image({ modality: 'CT', bitsStored: 16, isSigned: true, intercept: -1024 })

it.each([
  ['unsigned', [MR], 'Uint16Array'],
  ['of 8 bits', [image({ bitsAllocated: 8, bitsStored: 8 })], 'Uint8Array'],
  ['of 8 bits that are rescaled', [image({ bitsAllocated: 8, bitsStored: 8, slope: 2 })], 'Uint16Array'],
  ['signed', [image({ isSigned: true })], 'Int16Array'],
  ['unsigned of all bits, below zero', [image({ bitsStored: 16, intercept: -1 })], 'Float32Array'],
  ['turned round', [image({ slope: -1 })], 'Int16Array'],
  ['scaled by a fraction', [image({ slope: 0.5 })], 'Float32Array'],
  ['of 32 bits', [image({ bitsAllocated: 32, bitsStored: 32 })], 'Float32Array'],
  ['of which one alone is below zero', [MR, MR, image({ intercept: -1024 }), MR], 'Int16Array'],
])('images %s', (_, images, type) => {
  expect(typeHolding(images)).toBe(type)
})

it('CT numbers take two bytes, whatever else their bits could say', () => {
  expect(typeHolding([CT])).toBe('Int16Array')
  expect(typeHolding([image({ modality: 'CT', bitsStored: 16, intercept: -1024 })])).toBe('Int16Array')
})

it('what stands for no image counts with them', () => {
  expect(typeHolding([{ ...CT, padding: -2000 }])).toBe('Int16Array')
  expect(typeHolding([{ ...CT, padding: 63_536 }])).toBe('Int16Array') // -2000 without its sign
  expect(typeHolding([{ ...CT, padding: -32_768 }])).toBe('Float32Array')
})
