/** What fits into the image cache, decided by bytes before anything is loaded: pure. */
import { numbersOf, textsOf, type DicomJson, type ViewerSeries } from './dicomweb'
import { numbersInGroups } from './functionalGroups'
import type { VolumeNotice } from './messages'
import { tableIn } from './modalityTable'
import { BYTES, typeHolding } from './pixelTypes'

const TAGS = {
  rows: '00280010', columns: '00280011', bits: '00280100', stored: '00280101', sign: '00280103', samples: '00280002', padding: '00280120',
  slope: '00281053', intercept: '00281052', photometric: '00280004',
  values: '00289145', modality: '00080060',
}
/** Kept free of images: for painted masks, which Cornerstone would otherwise throw out. */
export const RESERVED_SHARE = 0.25
/** Kept free of masks: for the images that are looked at beside them. */
const IN_SIGHT_SHARE = 1 / 64
const COLOUR_BYTES = 4

/** Bytes of one decoded frame as Cornerstone keeps it. */
export function frameBytes(dataset: DicomJson | undefined): number {
  const [rows = 0] = numbersOf(dataset, TAGS.rows)
  const [columns = 0] = numbersOf(dataset, TAGS.columns)
  return rows * columns * bytesPerPixel(dataset)
}

export function isColour(dataset: DicomJson | undefined): boolean {
  const [samples = 1] = numbersOf(dataset, TAGS.samples)
  return samples > 1 || textsOf(dataset, TAGS.photometric)[0] === 'PALETTE COLOR'
}

function bytesPerPixel(dataset: DicomJson | undefined): number {
  if (isColour(dataset)) return COLOUR_BYTES
  const [modality = ''] = textsOf(dataset, TAGS.modality)
  if (modality === 'PT') return BYTES.Float32Array // what SUV are multiplied by is never whole
  if (tableIn(dataset)) return BYTES.Uint16Array
  const [bitsAllocated = 16] = numbersOf(dataset, TAGS.bits)
  const [bitsStored = bitsAllocated] = numbersOf(dataset, TAGS.stored)
  const pixels = {
    bitsAllocated, bitsStored, isSigned: numbersOf(dataset, TAGS.sign)[0] === 1, modality, padding: numbersOf(dataset, TAGS.padding)[0],
  }
  const [slopes, intercepts] = [scales(dataset, TAGS.slope, 1), scales(dataset, TAGS.intercept, 0)]
  return BYTES[typeHolding(slopes.flatMap((slope) => intercepts.map((intercept) => ({ ...pixels, slope, intercept }))))]
}

/** Of the rescaling of all frames. */
function scales(dataset: DicomJson | undefined, tag: string, usual: number): number[] {
  const found = numbersInGroups(dataset, TAGS.values, tag)
  return found.length > 0 ? found : [usual]
}

export interface VolumeQuestion {
  series: Pick<ViewerSeries, 'not_a_volume'>
  isColour: boolean
  bytes: number
  /** What the cache may hold in all, and what other volumes and masks take of it. */
  limit: number
  held: number
}

/** Why a series stays a stack; null where it can be a volume. */
export function whyNotVolume({ series, isColour, bytes, limit, held }: VolumeQuestion): VolumeNotice | null {
  if (series.not_a_volume) return { code: 'not_a_volume', reason: series.not_a_volume }
  if (isColour) return { code: 'colour' }
  const free = limit * (1 - RESERVED_SHARE) - held
  if (bytes <= free) return null
  return { code: 'too_large', needed_bytes: bytes, free_bytes: Math.max(free, 0) }
}

export interface Stack {
  frameBytes: number
  frames: number
}

/** How many frames of each stack may be fetched ahead: all if they fit, else an equal share. */
export function framesAhead(stacks: readonly Stack[], limit: number, held: number): number[] {
  let free = Math.max(limit * (1 - RESERVED_SHARE) - held, 0)
  const order = stacks
    .map((stack, index) => ({ ...stack, index, bytes: stack.frameBytes * stack.frames }))
    .sort((a, b) => a.bytes - b.bytes)
  const ahead = stacks.map(() => 0)
  order.forEach((stack, done) => {
    const share = free / (order.length - done)
    const fitting = stack.frameBytes > 0 ? Math.floor(share / stack.frameBytes) : 0
    ahead[stack.index] = Math.min(stack.frames, fitting)
    free -= Math.min(stack.bytes, share)
  })
  return ahead
}

/** What volumes and masks take of what images may fill: masks fill the reserve first. */
export function takenFromImages({ volumes, masks }: { volumes: number; masks: number }, limit: number): number {
  return volumes + Math.max(masks - limit * RESERVED_SHARE, 0)
}

/** Whether a mask of so many bytes fits: it may fill the reserve, and what volumes and other masks leave of the rest. */
export function roomForMask(bytes: number, limit: number, held: number): boolean {
  return held + bytes <= limit * (1 - IN_SIGHT_SHARE)
}

/** Whether so many more bytes leave the reserve free. */
export function roomFor(bytes: number, limit: number, held: number): boolean {
  return held + bytes <= limit * (1 - RESERVED_SHARE)
}

/** The nearest frames to one, nearest first, at most `count`. */
export function nearestFirst(index: number, frames: number, count: number): number[] {
  const found: number[] = []
  for (let step = 0; found.length < Math.min(count, frames) && step < frames; step++) {
    if (index + step < frames) found.push(index + step)
    if (step > 0 && index - step >= 0 && found.length < count) found.push(index - step)
  }
  return found
}
