import { describe, expect, it } from 'vitest'
import { pointerActOf } from '../src/labeling/pointerKeys'
import type { Vector } from '../src/viewer/geometry'
import { snapped, stepped, type Direction, type Lattice, type Point2 } from '../src/viewer/pointer/places'

/** 40 x 30 x 20 voxels of 0.5 x 1 x 3 mm from (10, 20, 30). */
const SPACING: Vector = [0.5, 1, 3]
const lattice: Lattice = {
  dimensions: [40, 30, 20],
  toIndex: ([x, y, z]) => [(x - 10) / SPACING[0], (y - 20) / SPACING[1], (z - 30) / SPACING[2]],
  toPoint: ([i, j, k]) => [10 + i * SPACING[0], 20 + j * SPACING[1], 30 + k * SPACING[2]],
}

type Screen = (point: Vector) => Point2
const upright = (px_per_mm: number): Screen => ([x, y]) => [x * px_per_mm, y * px_per_mm]
const mirrored: Screen = ([x, y]) => [-4 * x, 4 * y]
const turned: Screen = ([x, y]) => [-4 * y, 4 * x] // a quarter turn clockwise
const coronal: Screen = ([x, , z]) => [4 * x, -4 * z]

function after(screen: Screen, direction: Direction, count = 1, from: Vector = [5, 6, 7]): Vector {
  return lattice.toIndex(stepped(lattice.toPoint(from), direction, count, lattice, screen))
}

describe('a step of the key pointer', () => {
  it('goes by one pixel of the image as the screen shows it', () => {
    expect(after(upright(4), 'right')).toEqual([6, 6, 7])
    expect(after(upright(4), 'up')).toEqual([5, 5, 7])
    expect(after(mirrored, 'right')).toEqual([4, 6, 7])
    expect(after(turned, 'right')).toEqual([5, 5, 7])
    expect(after(turned, 'down')).toEqual([6, 6, 7])
  })

  it('goes by one slice across the slices', () => {
    expect(after(coronal, 'up')).toEqual([5, 6, 8])
    expect(after(coronal, 'left', 3)).toEqual([2, 6, 7])
  })

  it('can be seen where the pixels of the screen are the larger ones', () => {
    expect(after(upright(0.8), 'right')).toEqual([8, 6, 7]) // of 0.4 pixels each: three make one
    expect(after(upright(0.8), 'down')).toEqual([5, 8, 7])
    expect(after(upright(2), 'left')).toEqual([4, 6, 7]) // of exactly one
    expect(after(upright(0.8), 'right', 10)).toEqual([35, 6, 7])
  })

  it('ends at the edge of the image', () => {
    expect(after(upright(4), 'left', 10)).toEqual([0, 6, 7])
    expect(after(upright(4), 'down', 100)).toEqual([5, 29, 7])
  })

  it('comes back to the centres of pixels, and stays on the plane that is shown', () => {
    expect(after(upright(4), 'right', 1, [5.3, 6, 7.25])).toEqual([6, 6, 7.25])
  })
})

describe('the place where the key pointer begins', () => {
  it('is the centre of the pixel that lies nearest', () => {
    expect(lattice.toIndex(snapped(lattice.toPoint([5.4, 6.6, 7]), lattice))).toEqual([5, 7, 7])
    expect(lattice.toIndex(snapped(lattice.toPoint([-8, 31, 7]), lattice))).toEqual([0, 29, 7])
  })
})

describe('a key while the pointer is shown', () => {
  it('moves, presses, pages or gives up', () => {
    expect(pointerActOf('ArrowLeft')).toEqual({ kind: 'move', direction: 'left', count: 1 })
    expect(pointerActOf('Shift+ArrowDown')).toEqual({ kind: 'move', direction: 'down', count: 10 })
    expect(['Space', 'Enter'].map(pointerActOf)).toEqual([{ kind: 'press' }, { kind: 'press' }])
    expect(pointerActOf('PageDown')).toEqual({ kind: 'slice', by: 1 })
    expect(pointerActOf('Escape')).toEqual({ kind: 'escape' })
  })

  it('is the key of an action where it is none of these', () => {
    const others = ['Home', 'Ctrl+ArrowLeft', 'Shift+Enter', 'Shift+b', 'Ctrl+z', 'Shift+Space', '1']
    expect(others.filter((key) => pointerActOf(key) !== null)).toEqual([])
  })
})
