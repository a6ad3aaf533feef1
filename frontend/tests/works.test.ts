import { describe, expect, it } from 'vitest'
import { positionsIn } from '../src/viewer/masks/positions'
import { workOf, type Subject } from '../src/viewer/masks/works'
import type { ImagePlane } from '../src/viewer/regions/geometry'
import { MASK_OPERATIONS } from '../src/viewer/types'

const SIZE = { rows: 3, columns: 5 }
const plane = (z: number, part: Partial<ImagePlane> = {}): ImagePlane =>
  ({ position: [0, 0, z], row: [1, 0, 0], column: [0, 1, 0], spacing_mm: [0.5, 2], ...part })

describe('the places of voxels', () => {
  it('are read from the slices, whose distances may vary, and from the pixels', () => {
    expect(positionsIn([plane(10), plane(11), plane(14)], SIZE))
      .toEqual({ slices: [0, 1, 4], rows: [0, 2, 4], columns: [0, 0.5, 1, 1.5, 2] })
  })

  it('grow, from whichever end a stack is stored', () => {
    expect(positionsIn([plane(14), plane(11), plane(10)], SIZE)).toMatchObject({ slices: [0, 3, 4] })
  })

  it('are measured across the slices, not along the way of the table', () => {
    const tilted = [0, 1, 2].map((i) => plane(i, { position: [0, i, i] }))
    expect(positionsIn(tilted, SIZE)).toMatchObject({ slices: [0, 1, 2] })
  })

  it('are none of images without a place, turned against one another, or of one place', () => {
    expect(positionsIn([], SIZE)).toBe('no_place')
    expect(positionsIn([plane(0), null], SIZE)).toBe('no_place')
    expect(positionsIn([plane(0), plane(1, { column: [0, 0, 1] })], SIZE)).toBe('turned')
    expect(positionsIn([plane(0), plane(1, { row: [0, 1, 0], column: [-1, 0, 0] })], SIZE)).toBe('turned')
    expect(positionsIn([plane(5), plane(5), plane(5)], SIZE)).toBe('same_place')
    expect(positionsIn([plane(0), plane(1), plane(1), plane(2)], SIZE)).toBe('same_place')
    expect(positionsIn([plane(0), plane(2), plane(1)], SIZE)).toBe('same_place')
  })
})

describe('an operation', () => {
  const painted = () => Uint8Array.from({ length: 15 }, (_, i) => (i >= 6 && i <= 8 ? 1 : 0))
  const subject = (part: Partial<Subject> = {}): Subject => ({
    slices: [painted(), new Uint8Array(15), painted()], size: SIZE, sizes: null, value: 1, section: { of: 'slice', index: 1 },
    positions: () => positionsIn([plane(0), plane(1), plane(2)], SIZE), ...part,
  })
  const result = (...[operation, reach, the]: Parameters<typeof workOf>) => {
    const work = workOf(operation, reach, the)
    for (;;) {
      const step = work.next()
      if (step.done) return typeof step.value === 'string' ? step.value : [...step.value.keys()].sort()
    }
  }

  it.each(MASK_OPERATIONS)('%s is refused on a plane that runs askew', (operation) => {
    expect(result(operation, 'shown', subject({ section: null }))).toBe('askew')
  })

  it('on the whole series is not refused there, but clearing one slice is', () => {
    expect(result('grow', 'series', subject({ section: null }))).toEqual([0, 1, 2])
    expect(result('interpolate', 'series', subject({ section: null }))).toEqual([1])
    expect(result('clear_slice', 'series', subject({ section: null }))).toBe('askew')
  })

  it.each(['no_place', 'turned', 'same_place'] as const)('fills nothing between images that are %s, and says so', (why) => {
    expect(result('interpolate', 'shown', subject({ positions: () => why }))).toBe(why)
    expect(result('interpolate', 'series', subject({ positions: () => why }))).toBe(why)
  })

  it('fills between cuts across the slices where such a plane is shown', () => {
    const columns = Uint8Array.from({ length: 15 }, (_, i) => (i % 5 === 0 || i % 5 === 4 ? 1 : 0))
    const the = subject({ slices: [columns, columns, columns], section: { of: 'column', index: 2 } })
    expect(result('interpolate', 'shown', the)).toEqual([0, 1, 2])
    expect(result('interpolate', 'shown', { ...the, section: { of: 'slice', index: 1 } })).toEqual([])
  })

  it('fills between the slices of a whole series that has no gaps in the plane shown', () => {
    expect(result('interpolate', 'series', subject({ section: { of: 'row', index: 1 } }))).toEqual([1])
    expect(result('interpolate', 'shown', subject({ section: { of: 'row', index: 1 } }))).toEqual([])
  })

  it('works on images that are no neighbours in space one by one', () => {
    const times = subject({ positions: () => 'same_place' })
    expect(result('grow', 'series', times)).toEqual([0, 2])
    expect(result('remove_islands', 'series', times)).toEqual([0, 2])
  })

  it('works on images of several sizes each by itself, and fills nothing between them', () => {
    const large = Uint8Array.from({ length: 42 }, (_, i) => (i === 22 ? 1 : 0)) // 6 rows of 7
    const sizes = [SIZE, { rows: 6, columns: 7 }]
    const the = subject({ slices: [painted(), large], sizes, section: { of: 'slice', index: 1 } })
    const work = workOf('grow', 'series', the)
    let step = work.next()
    while (!step.done) step = work.next()
    const changed = step.value as Map<number, Uint8Array>
    expect([...changed.keys()]).toEqual([0, 1])
    expect([15, 21, 22, 23, 29].map((i) => changed.get(1)?.[i])).toEqual([1, 1, 1, 1, 1])
    expect(changed.get(1)?.filter((label) => label).length).toBe(5)
    expect(result('grow', 'shown', the)).toEqual([1])
    expect(result('interpolate', 'series', the)).toBe('sizes')
  })

  it('does not ask where the slices lie to change the one that is shown', () => {
    const unasked = subject({ positions: () => { throw new Error('asked') } })
    expect(result('grow', 'shown', unasked)).toEqual([1])
  })
})
