/** Maps of what a model looked at: colours, slices over frames, and the list to choose from. */
import { describe, expect, it } from 'vitest'
import { modesOf, nextMode } from '../src/labeling/explanationModes'
import { decodeVolume } from '../src/labeling/sliceFormat'
import { colourOf, coverOf, painted } from '../src/viewer/explanations/colours'
import { sliceOf, strongest, type ExplanationMap } from '../src/viewer/explanations/map'

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
  it('has a slice for the frames that it covers and none for others', () => {
    expect([...(sliceOf(MAP, '1.3:2') ?? [])]).toEqual([1, 1, 1, 1, 1, 1, 200, 1])
    expect(sliceOf(MAP, '1.3:1')).toBeNull()
  })

  it('says where it is strongest, in pixels of the image', () => {
    // Row 1 of 2 and column 2 of 4 of a box of 40 x 40 pixels that begins above the image.
    expect(strongest(MAP)).toEqual({ sop_instance_uid: '1.3', frame: 2, pixel: [25, 20] })
    expect(strongest({ ...MAP, values: new Uint8Array(16) })).toBeNull()
  })
})

describe('the list of explanations', () => {
  const model = {
    model_version: 'm', target: 'nodule', question: 'nodule', kind: 'one', number: 3, classes: ['no', 'yes'],
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
