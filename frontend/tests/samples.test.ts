import { expect, it } from 'vitest'
import type { Picture, Viewport } from '../src/viewer/pictures'
import { storedWindows, valuesOf, valuesWithin } from '../src/viewer/samples'
import { decoded, fakePet, SUV_PER_BQML } from './harness/fakePet'

/** A volume of two slices of 2 x 2 voxels, seen from the side; the second slice is not loaded. */
const LOADED = [-1000, -900, -800, -700]
const at = (index: number) => (index < LOADED.length ? LOADED[index] : null)
const viewport = {
  canvasToWorld: ([x, y]: [number, number]) => [x, 0, y],
  getImageData: () => ({
    dimensions: [2, 2, 2],
    imageData: { worldToIndex: (point: number[]) => point },
    voxelManager: {
      getScalarDataLength: () => 8, getAtIndex: at,
      getAtIJK: (i: number, j: number, k: number) => at(i + 2 * j + 4 * k),
    },
  }),
} as unknown as Viewport

it('slices that are not loaded have no values to choose a window by', () => {
  expect(new Set(valuesWithin(viewport, [0, 0], [2, 2]))).toEqual(new Set([-1000, -900]))
  expect(valuesOf({ viewport, imageId: () => null } as unknown as Picture)).toEqual(LOADED)
})

it('windows of a PET header count in the unit of the voxels', () => {
  fakePet()
  decoded.set('as SUV', { suvbw: SUV_PER_BQML }).set('as stored', {})
  const inSuv = [{ center: 3, width: 6, rule: 'LINEAR_EXACT' }, { center: 1, width: 2, rule: 'LINEAR_EXACT' }]
  expect(storedWindows('as SUV')).toEqual(inSuv)
  expect(storedWindows('on its way')).toEqual(inSuv)
  expect(storedWindows('as stored')).toEqual([{ center: 15_000, width: 30_000, rule: 'LINEAR' }, { center: 5000, width: 10_000, rule: 'LINEAR' }])
})
