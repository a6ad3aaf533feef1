/** PURE. Windows that make no sense are taken out of datasets: Cornerstone would draw such images inverted. */
import type { DicomJson } from './dicomweb'

const CENTER = '00281050'
const WIDTH = '00281051'
const FUNCTION = '00281056'

/** The dataset without its windows where a width is below what its function allows (PS3.3 C.11.2.1.2):
 * 1 for LINEAR, which ends before it begins otherwise; anything above 0 for the others. */
export function withUsableWindows(dataset: DicomJson): DicomJson {
  const widths = dataset[WIDTH]?.Value?.map(Number) ?? []
  const isExact = dataset[FUNCTION]?.Value?.[0] === 'LINEAR_EXACT' || dataset[FUNCTION]?.Value?.[0] === 'SIGMOID'
  if (widths.every((width) => (isExact ? width > 0 : width >= 1))) return dataset
  const others = Object.entries(dataset).filter(([tag]) => tag !== CENTER && tag !== WIDTH)
  return Object.fromEntries(others)
}
