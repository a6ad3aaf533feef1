/** PURE. Modality LUTs (PS3.3 C.11.1): tables that take the place of a slope and an intercept. */
import type { DicomJson } from './dicomweb'
import { itemsOf } from './functionalGroups'

const SEQUENCE = '00283000'
const DESCRIPTOR = '00283002'
const KIND = '00283004'
const DATA = '00283006'
const [INTERCEPT, SLOPE, RESCALE_TYPE] = ['00281052', '00281053', '00281054'] as const
const [SOP_CLASS, SIGN] = ['00080016', '00280103'] as const
/** X-ray angiography and radiofluoroscopy: theirs leads back to the beam and is no part of the picture (C.8.7.1.1.2). */
const NOT_FOR_DISPLAY: readonly unknown[] = ['1.2.840.10008.5.1.4.1.1.12.1', '1.2.840.10008.5.1.4.1.1.12.2']
export const TABLE_ELEMENT = `${SEQUENCE}.0.${DATA}`

export interface ModalityTable {
  /** The stored value that the first entry stands for. */
  first: number
  count: number
  /** Null where they are bulk data. */
  entries: Uint16Array | null
}

/** That of an image's values; null where a slope and an intercept rescale them, or nothing does. */
export function tableIn(dataset: DicomJson | undefined): ModalityTable | null {
  const [item] = itemsOf(dataset, SEQUENCE)
  const [count, first] = (item?.[DESCRIPTOR]?.Value ?? []).map(Number)
  if (!item || count === undefined || first === undefined) return null
  if (NOT_FOR_DISPLAY.includes(dataset?.[SOP_CLASS]?.Value?.[0])) return null
  const isSigned = dataset?.[SIGN]?.Value?.[0] === 1
  const length = count || 2 ** 16
  return { first: isSigned && first >= 2 ** 15 ? first - 2 ** 16 : first, count: length, entries: entriesIn(item, length) }
}

/** The dataset without what would rescale beside the table, and the table's unit where that of the rescaling stands. */
export function withTableAlone(dataset: DicomJson): DicomJson {
  if (!tableIn(dataset)) return dataset
  const others = Object.entries(dataset).filter(([tag]) => tag !== SLOPE && tag !== INTERCEPT && tag !== RESCALE_TYPE)
  const kind = itemsOf(dataset, SEQUENCE)[0]?.[KIND]
  return { ...Object.fromEntries(others), ...(kind && { [RESCALE_TYPE]: kind }) }
}

function entriesIn(item: DicomJson, count: number): Uint16Array | null {
  const { Value: values, InlineBinary: inline } = item[DATA] ?? {}
  if (values) return Uint16Array.from(values.map(Number))
  return inline === undefined ? null : entriesOf(Uint8Array.from(atob(inline), (character) => character.charCodeAt(0)), count)
}

/** Of the bytes of a table: words, or bytes where there are too few for words. */
export function entriesOf(bytes: Uint8Array, count: number): Uint16Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const areWords = bytes.length >= 2 * count
  return Uint16Array.from({ length: count }, (_, n) => (areWords ? view.getUint16(2 * n, true) : (bytes[n] ?? 0)))
}

/** The values of stored ones; those outside the table have its first or its last. */
export function lookUp(stored: ArrayLike<number>, first: number, entries: Uint16Array): Uint16Array {
  const found = new Uint16Array(stored.length)
  const last = entries.length - 1
  for (let at = 0; at < stored.length; at++) {
    const place = (stored[at] ?? 0) - first
    found[at] = entries[place < 0 ? 0 : place > last ? last : place] ?? 0
  }
  return found
}
