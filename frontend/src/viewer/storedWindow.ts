/** PURE. The windows of datasets as Cornerstone can use them: those that make no sense are taken out, which it would draw
 * inverted, and where there is only a VOI LUT, which it cannot draw, the values that its table is for stand in. */
import type { DicomJson } from './dicomweb'

const CENTER = '00281050'
const WIDTH = '00281051'
const FUNCTION = '00281056'
const TABLES = '00283010'
const DESCRIPTOR = '00283002'

/** Without the windows where a width is below what its function allows (PS3.3 C.11.2.1.2):
 * 1 for LINEAR, which ends before it begins otherwise; anything above 0 for the others. */
export function withUsableWindows(dataset: DicomJson): DicomJson {
  const widths = dataset[WIDTH]?.Value?.map(Number) ?? []
  const isExact = dataset[FUNCTION]?.Value?.[0] === 'LINEAR_EXACT' || dataset[FUNCTION]?.Value?.[0] === 'SIGMOID'
  const isUsable = widths.every((width) => (isExact ? width > 0 : width >= 1))
  if (isUsable && widths.length > 0) return withReadableFunction(dataset)
  const window = windowOfTable(dataset)
  if (isUsable && !window) return dataset
  const others = Object.entries(dataset).filter(([tag]) => tag !== CENTER && tag !== WIDTH && !(window && tag === FUNCTION))
  return { ...Object.fromEntries(others), ...window }
}

/** Cornerstone 5.14 takes the first letter of a name that stands alone for the name (createImage), and all windows with it for
 * none: of two names it takes the first. */
function withReadableFunction(dataset: DicomJson): DicomJson {
  const [name, ...others] = dataset[FUNCTION]?.Value ?? []
  return name === undefined || others.length > 0 ? dataset : { ...dataset, [FUNCTION]: { vr: 'CS', Value: [name, name] } }
}

/** From the first value that a VOI LUT knows to the last (PS3.3 C.11.2.1.1), as the LINEAR function counts. */
function windowOfTable(dataset: DicomJson): DicomJson | null {
  const [item] = (dataset[TABLES]?.Value ?? []) as (DicomJson | null)[]
  const [entries, first] = (item?.[DESCRIPTOR]?.Value ?? []).map(Number)
  if (entries === undefined || first === undefined) return null
  const count = entries || 2 ** 16
  const low = first + count > 2 ** 16 ? first - 2 ** 16 : first // a negative number that lost its sign
  return { [CENTER]: { vr: 'DS', Value: [low + count / 2] }, [WIDTH]: { vr: 'DS', Value: [count] } }
}
