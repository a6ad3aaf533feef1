/** PURE. Which images share their millimetres: those of one frame of reference (PS3.3 C.7.4.1). */
import { textsOf, type DicomJson } from './dicomweb'

const FRAME_OF_REFERENCE = '00200052'
const SERIES = '0020000E'

/** The dataset with a frame of reference: a series that names none is one by itself. Cornerstone and what is linked compare
 * names, and two that are missing are the same: an earlier study would be scrolled by the millimetres of this one. */
export function withSpace(dataset: DicomJson): DicomJson {
  const [series] = textsOf(dataset, SERIES)
  if (!series || textsOf(dataset, FRAME_OF_REFERENCE)[0]) return dataset
  return { ...dataset, [FRAME_OF_REFERENCE]: { vr: 'UI', Value: [series] } }
}
