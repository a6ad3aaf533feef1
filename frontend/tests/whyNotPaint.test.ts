import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { NotAVolume } from '../src/viewer/messages'
import type { Brush } from '../src/viewer/masks/brush'
import { whyNotPaint, type Stroke } from '../src/viewer/masks/whyNotPaint'
import { loadedFakes, placeFakeImages } from './harness/fakePlanes'

const EVEN = ['even/instances/1/frames/1', 'even/instances/2/frames/1', 'even/instances/3/frames/1']
const TURNED = ['even/instances/1/frames/1', 'turned/instances/2/frames/1']
const VIEWPORT: Stroke['viewport'] = { getCurrentImageId: () => EVEN[0] ?? '' }
const BALL: Brush = { radius_mm: 4, shape: 'sphere', threshold: null }

beforeAll(placeFakeImages)
beforeEach(() => loadOnly(EVEN))

function loadOnly(imageIds: readonly string[]): void {
  loadedFakes.clear()
  for (const imageId of imageIds) loadedFakes.add(imageId)
}

function series(not_a_volume: NotAVolume | null): Stroke['view']['series'] {
  return { series_instance_uid: '1.2', modality: 'CT', series_description: '', not_a_volume, is_prepared: true, orientation: '', instances: [] }
}

function stroke(given: Partial<Stroke> = {}, reason: NotAVolume | null = null): Stroke {
  const view = { volumeId: null, series: series(reason), imageIds: EVEN }
  return { tool: 'sphere', brush: null, view, viewport: VIEWPORT, map: { hasOneSize: true }, ...given }
}

describe('a ball on a stack', () => {
  it('goes through the slices of a volume, and through two', () => {
    expect(whyNotPaint(stroke())).toBeNull()
    expect(whyNotPaint(stroke({}, 'too_few_slices'))).toBeNull()
  })

  it.each(['tilted_gantry', 'varying_spacing', 'same_place', 'different_orientations', 'no_position', 'single_image'] as const)(
    'is refused where there is none: %s', (reason) => {
      const refused = { code: 'not_a_volume', reason }
      expect(whyNotPaint(stroke({}, reason))).toEqual(refused)
      expect(whyNotPaint(stroke({ tool: 'sphere_eraser' }, reason))).toEqual(refused)
      expect(whyNotPaint(stroke({ tool: 'threshold', brush: BALL }, reason))).toEqual(refused)
      expect(whyNotPaint(stroke({ tool: 'brush', brush: BALL }, reason))).toBeNull()
    })

  it('is refused where Cornerstone would make no grid of the images', () => {
    const view = { ...stroke().view, imageIds: TURNED }
    expect(whyNotPaint(stroke({ view }))).toEqual({ code: 'not_a_volume', reason: 'uneven' })
  })

  it('is refused where the images have several sizes', () => {
    expect(whyNotPaint(stroke({ map: { hasOneSize: false } }))).toBe('sizes')
  })
})

describe('a threshold brush', () => {
  const bounded = (shape: Brush['shape'], imageIds = EVEN) => stroke({
    tool: 'threshold', brush: { radius_mm: 2, shape, threshold: [0, 100] }, view: { ...stroke().view, imageIds },
  })

  it('needs the values of the image that it paints on', () => {
    loadOnly(EVEN.slice(0, 1))
    expect(whyNotPaint(bounded('circle'))).toBeNull()
    loadOnly(EVEN.slice(1))
    expect(whyNotPaint(bounded('circle'))).toBe('images_loading')
  })

  it('needs as a ball those of the slices that it reaches', () => {
    loadOnly(EVEN.slice(0, 2))
    expect(whyNotPaint(bounded('sphere'))).toBeNull()
    loadOnly(EVEN.slice(0, 1))
    expect(whyNotPaint(bounded('sphere'))).toBe('images_loading')
  })

  it('needs in planes those of all slices', () => {
    const plane = { ...bounded('circle'), view: { ...stroke().view, volumeId: 'v' } }
    expect(whyNotPaint(plane)).toBeNull()
    loadOnly(EVEN.slice(0, 2))
    expect(whyNotPaint(plane)).toBe('images_loading')
  })

  it('without bounds, and every other tool, needs none', () => {
    loadOnly([])
    expect(whyNotPaint(stroke({ tool: 'threshold', brush: BALL }))).toBeNull()
    expect(whyNotPaint(stroke({ tool: 'brush', brush: bounded('circle').brush }))).toBeNull()
  })
})
