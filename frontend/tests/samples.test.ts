import { expect, it } from 'vitest'
import type { Picture, Viewport } from '../src/viewer/pictures'
import { valuesOf, valuesWithin } from '../src/viewer/samples'

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
