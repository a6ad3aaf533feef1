/** Maps of what a model looked at: colours, slices over frames, and the list to choose from. */
import { describe, expect, it } from 'vitest'
import { modesOf, nextMode } from '../src/labeling/explanationModes'
import { decodeVolume } from '../src/labeling/sliceFormat'
import { colourOf, coverOf, painted } from '../src/viewer/explanations/colours'
import { strongest, type ExplanationMap } from '../src/viewer/explanations/map'
import { sampled } from '../src/viewer/explanations/sampling'
import { spaceOf, type Cell, type MapSpace } from '../src/viewer/explanations/space'
import { placeOfMap } from '../src/labeling/mapPlace'
import type { ViewerSeries } from '../src/viewer/dicomweb'

const MAP: ExplanationMap = {
  frames: ['1.2:1', '1.3:2'], box: [-0.5, -10.5, 39.5, 29.5], rows: 2, columns: 4,
  values: Uint8Array.from([0, 0, 0, 0, 0, 9, 0, 0, 1, 1, 1, 1, 1, 1, 200, 1]),
}

/** Relative luminance (WCAG 2.2). */
function luminance([red, green, blue]: readonly number[]): number {
  const linear = [red, green, blue].map((part = 0) => ((part / 255 + 0.055) / 1.055) ** 2.4)
  return 0.2126 * (linear[0] ?? 0) + 0.7152 * (linear[1] ?? 0) + 0.0722 * (linear[2] ?? 0)
}

describe('colours', () => {
  it('grow lighter all the way, so that they are read without colour too', () => {
    const found = Array.from({ length: 101 }, (_, step) => luminance(colourOf(step / 100)))
    expect(found.every((value, index) => index === 0 || value > (found[index - 1] ?? 0))).toBe(true)
    expect(colourOf(0)).toEqual([68, 1, 84])
    expect(colourOf(1)).toEqual([253, 231, 37])
  })

  it('leave clear what says nothing', () => {
    expect([0, 0.25, 0.5, 1].map(coverOf)).toEqual([0, 0.5, 1, 1])
    expect([...painted(Uint8Array.from([0, 255]))]).toEqual([68, 1, 84, 0, 253, 231, 37, 255])
  })
})

describe('a map over frames', () => {
  it('says where it is strongest, in pixels of the image', () => {
    // Row 1 of 2 and column 2 of 4 of a box of 40 x 40 pixels that begins above the image.
    expect(strongest(MAP)).toEqual({ sop_instance_uid: '1.3', frame: 2, pixel: [25, 20] })
    expect(strongest({ ...MAP, values: new Uint8Array(16) })).toBeNull()
  })
})

describe('a map in the patient', () => {
  const plane = { position: [10, 20, 30], row: [0, 1, 0], column: [0, 0, -1], spacing_mm: [2, 4] } as const
  const map: ExplanationMap = { ...MAP, box: [-0.5, -1.5, 7.5, 4.5], rows: 3, columns: 4, values: new Uint8Array(24) }

  it('has its cells where the pixels under them lie, slices along and against the normal', () => {
    // Two pixels of 2 mm (4 mm) to a cell, the first of which begins half a pixel (a pixel and a half) before the image.
    const ahead = spaceOf(map, { plane, slice: 0, step_mm: 5 }, [8, 3])
    expect(ahead.toCell([10, 20, 30])).toEqual([-0.25, 0.25, 0])
    expect(ahead.toCell([10, 20 + 2 * 2, 30 - 2 * 4])).toEqual([0.75, 1.25, 0])
    // Rows run along y and columns down z: the normal looks along -x.
    expect(ahead.toCell([5, 20, 30])[2]).toBe(1)
    expect(spaceOf(map, { plane, slice: 0, step_mm: -5 }, [8, 3]).toCell([15, 20, 30])[2]).toBe(1)
  })

  it('ends with the image that it was padded around, and half a slice beyond its frames', () => {
    const { from, to } = spaceOf(map, { plane, slice: 0, step_mm: 5 }, [8, 3])
    expect(from).toEqual([-0.5, 0, -0.5])
    expect(to).toEqual([3.5, 1.5, 1.5])
  })

  it('stays on the one slice of a stack, however far its image lies from it', () => {
    expect(spaceOf(map, { plane, slice: 1, step_mm: Infinity }, [8, 3]).toCell([-90, 20, 30])[2]).toBe(1)
  })
})

describe('a picture through a map', () => {
  const hot: ExplanationMap = { frames: ['1:1', '2:1', '3:1'], box: [0, 0, 1, 1], rows: 3, columns: 3, values: new Uint8Array(27) }
  hot.values[13] = 200 // the middle of all
  const space: MapSpace = { toCell: () => [0, 0, 0], from: [-0.5, -0.5, -0.5], to: [2.5, 2.5, 2.5] }
  const flat = { columns: 3, rows: 3, first: [0, 0, 1] as Cell, across: [1, 0, 0] as Cell, down: [0, 1, 0] as Cell }
  const thin = { ...flat, through: [0, 0, 0] as Cell, layers: 1 }

  it('holds what the cells say, along whichever of them it is laid', () => {
    expect([...(sampled(hot, space, thin) ?? [])]).toEqual([0, 0, 0, 0, 200, 0, 0, 0, 0])
    const side = { ...thin, first: [1, 0, 0] as Cell, across: [0, 1, 0] as Cell, down: [0, 0, 1] as Cell }
    expect([...(sampled(hot, space, side) ?? [])]).toEqual([0, 0, 0, 0, 200, 0, 0, 0, 0])
  })

  it('is linear between cells', () => {
    const between = { ...thin, columns: 5, rows: 1, first: [0, 1, 1.5] as Cell, across: [0.5, 0, 0] as Cell }
    expect([...(sampled(hot, space, between) ?? [])]).toEqual([0, 50, 100, 50, 0])
  })

  it('is none where it misses the map, and clear where it leaves it', () => {
    expect(sampled(hot, space, { ...thin, first: [0, 0, 2.6] })).toBeNull()
    const cut = { ...space, to: [2.5, 1, 2.5] as Cell }
    expect([...(sampled(hot, cut, thin) ?? [])]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0])
  })

  it('shows the most of what lies in a slab', () => {
    const slab = { ...flat, first: [0, 0, 0] as Cell, through: [0, 0, 0.5] as Cell, layers: 5 }
    expect([...(sampled(hot, space, slab) ?? [])]).toEqual([0, 0, 0, 0, 200, 0, 0, 0, 0])
    expect(sampled(hot, space, { ...slab, first: [0, 0, 3] })).toBeNull()
  })
})

describe('where a map lies', () => {
  const series = (uid: string, counts: readonly number[]): ViewerSeries => ({
    series_instance_uid: uid, modality: 'MR', series_description: uid, not_a_volume: null, is_prepared: false,
    instances: counts.map((number_of_frames, at) => ({ sop_instance_uid: `${uid}.${at}`, number_of_frames })),
  })
  const study = { study_instance_uid: 's', series: [series('a', [1, 1]), series('b', [2, 3])] }

  it('is told in images of its series, counted as a stack does', () => {
    const found = placeOfMap([study], ['b.1:2', 'b.0:2', 'b.1:1'])
    expect(found).toMatchObject({ series: study.series[1], first: 2, last: 4, total: 5 })
    expect(placeOfMap([study], ['c.0:1'])).toBeNull()
    const reversed = { ...series('c', [3]), frame_order: [2, 1, 0] }
    expect(placeOfMap([{ ...study, series: [reversed] }], ['c.0:3'])).toMatchObject({ first: 1, last: 1, total: 3 })
  })
})

describe('the list of explanations', () => {
  const model = {
    model_version: 'm', target: 'nodule', labels: ['Nodule'], question: 'nodule', kind: 'one' as const, number: 3, classes: ['no', 'yes'],
    methods: ['attention_rollout' as const, 'occlusion' as const], likely: 'yes',
  }

  it('holds every method of every model and the neighbours, and goes round', () => {
    const modes = modesOf([model])
    expect(modes.map(({ method }) => method)).toEqual(['attention_rollout', 'occlusion', 'neighbours'])
    expect(modes.map(({ classes }) => classes.length)).toEqual([0, 2, 0])
    const [first, , last] = modes
    expect(last && nextMode(modes, last)).toBe(first)
  })

  it('is empty where no model can be asked', () => {
    expect(modesOf([])).toEqual([])
  })
})

describe('the bytes of a map', () => {
  it('are refused where they hold less than they say', async () => {
    const header = new Uint8Array(20)
    header.set(new TextEncoder().encode('FRMASK01'))
    new DataView(header.buffer).setUint32(8, 2, true)
    new DataView(header.buffer).setUint32(12, 1, true)
    new DataView(header.buffer).setUint32(16, 1, true)
    const stream = new Blob([Uint8Array.from([7])]).stream().pipeThrough(new CompressionStream('deflate'))
    const body = new Uint8Array(await new Response(stream).arrayBuffer())
    const bytes = Uint8Array.from([...header, ...body])
    await expect(decodeVolume(bytes)).rejects.toThrow('another size')
  })
})
