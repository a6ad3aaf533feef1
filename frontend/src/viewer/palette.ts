/** Segmented palettes (PS3.3 C.7.9.2) as plain ones, because Cornerstone reads only those. */
import type { DicomJson } from './dicomweb'

const CHANNELS = [
  { descriptor: '00281101', plain: '00281201', segmented: '00281221' },
  { descriptor: '00281102', plain: '00281202', segmented: '00281222' },
  { descriptor: '00281103', plain: '00281203', segmented: '00281223' },
]
const DISCRETE = 0
const LINEAR = 1
const INDIRECT = 2
const MAX_ENTRIES = 65_536

/** The dataset with its segments expanded; unchanged where there are none or they make no sense. */
export function withExpandedPalette(dataset: DicomJson): DicomJson {
  const expanded: DicomJson = { ...dataset }
  for (const { descriptor, plain, segmented } of CHANNELS) {
    const inline = dataset[segmented]?.InlineBinary
    if (inline === undefined || dataset[plain] !== undefined) continue
    const entries = expandSegments(wordsOf(inline))
    const wanted = Number(dataset[descriptor]?.Value?.[0] ?? 0) || MAX_ENTRIES
    if (entries.length < wanted) return dataset
    expanded[plain] = { vr: 'OW', InlineBinary: base64Of(entries.slice(0, wanted)) }
  }
  return expanded
}

/** The values that a list of segments stands for, at most MAX_ENTRIES. */
export function expandSegments(words: number[]): number[] {
  const entries: number[] = []
  runSegments(words, 0, Infinity, entries, false)
  return entries
}

function runSegments(
  words: number[], start: number, count: number, entries: number[], isNested: boolean,
): void {
  let at = start
  for (let done = 0; done < count && at + 1 < words.length; done++) {
    const [opcode = -1, length = 0] = words.slice(at, at + 2)
    at += 2
    if (entries.length + length > MAX_ENTRIES) return
    if (opcode === DISCRETE) {
      entries.push(...words.slice(at, at + length))
      at += length
    } else if (opcode === LINEAR) {
      pushRamp(entries, words[at] ?? 0, length)
      at += 1
    } else if (opcode === INDIRECT && !isNested) {
      const offset = ((words[at] ?? 0) + (words[at + 1] ?? 0) * MAX_ENTRIES) / 2
      runSegments(words, offset, length, entries, true)
      at += 2
    } else {
      return
    }
  }
}

function pushRamp(entries: number[], end: number, length: number): void {
  const from = entries.at(-1) ?? 0
  for (let step = 1; step <= length; step++) {
    entries.push(Math.round(from + ((end - from) * step) / length))
  }
}

function wordsOf(base64: string): number[] {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  const view = new DataView(bytes.buffer)
  return Array.from({ length: bytes.length >> 1 }, (_, index) => view.getUint16(index * 2, true))
}

function base64Of(words: number[]): string {
  const bytes = words.map((word) => String.fromCharCode(word & 0xff, word >> 8))
  return btoa(bytes.join(''))
}
