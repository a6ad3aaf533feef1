import { expect, it } from 'vitest'
import { frameBytes, framesAhead, nearestFirst, roomForMask, takenFromImages, whyNotVolume } from '../src/viewer/budget'
import type { DicomJson } from '../src/viewer/dicomweb'

function image(values: Record<string, unknown>): DicomJson {
  const all = { '00280010': 100, '00280011': 200, '00280100': 16, ...values }
  return Object.fromEntries(
    Object.entries(all).map(([tag, value]) => [tag, { vr: 'UN', Value: [value] }]),
  )
}

it('counts the bytes of a decoded frame', () => {
  expect(frameBytes(image({}))).toBe(40_000)
  expect(frameBytes(image({ '00280100': 8 }))).toBe(20_000)
  expect(frameBytes(image({ '00280100': 8, '00281052': -1024 }))).toBe(40_000)
  expect(frameBytes(image({ '00281053': 0.37 }))).toBe(80_000)
  expect(frameBytes(image({ '00080060': 'PT' }))).toBe(80_000)
  expect(frameBytes(image({ '00280002': 3, '00280100': 8 }))).toBe(80_000)
  expect(frameBytes(undefined)).toBe(0)
})

it('makes a volume only of what is one and fits beside the others', () => {
  const question = { series: { not_a_volume: null }, isColour: false, bytes: 70, limit: 100, held: 0 }
  expect(whyNotVolume(question)).toBeNull()
  expect(whyNotVolume({ ...question, bytes: 76 })).toMatchObject({ code: 'too_large', needed_bytes: 76 })
  expect(whyNotVolume({ ...question, held: 6 })).toMatchObject({ code: 'too_large' })
  expect(whyNotVolume({ ...question, isColour: true })).toEqual({ code: 'colour' })
  const tilted = { ...question, series: { not_a_volume: 'tilted_gantry' as const } }
  expect(whyNotVolume(tilted)).toEqual({ code: 'not_a_volume', reason: 'tilted_gantry' as const })
})

it('fetches everything ahead that fits, and shares the rest', () => {
  const small = { frameBytes: 1, frames: 10 }
  const large = { frameBytes: 10, frames: 2000 }
  expect(framesAhead([large, small], 1_000_000, 0)).toEqual([2000, 10])
  expect(framesAhead([large, small], 1000, 0)).toEqual([74, 10])
  expect(framesAhead([large, large], 1000, 350)).toEqual([20, 20])
  expect(framesAhead([large], 1000, 2000)).toEqual([0])
})

it('lets masks fill the reserve first, and take of the images what goes beyond it', () => {
  expect(takenFromImages({ volumes: 40, masks: 25 }, 100)).toBe(40)
  expect(takenFromImages({ volumes: 40, masks: 45 }, 100)).toBe(60)
})

it('leaves room for what is looked at beside the masks', () => {
  expect(roomForMask(500, 1536, 1000)).toBe(true)
  expect(roomForMask(500, 1536, 1500)).toBe(false)
  expect(roomForMask(536, 1536, 1000)).toBe(false)
})

it('fetches outwards from the slice under the eye', () => {
  expect(nearestFirst(2, 6, 99)).toEqual([2, 3, 1, 4, 0, 5])
  expect(nearestFirst(0, 2000, 3)).toEqual([0, 1, 2])
  expect(nearestFirst(5, 6, 2)).toEqual([5, 4])
})
