/** PURE. Nuclear medicine tells of every detector which side of the patient it sees (PS3.3 C.8.4.11), not of every frame. */
import { numbersOf, textsOf, without, type DicomJson } from './dicomweb'
import { itemsOf } from './functionalGroups'
import { letters, type Vector } from './geometry'

const TAGS = {
  imageType: '00080008', step: '00180088', position: '00200032', orientation: '00200037', spacing: '00280030',
  detectorOfFrame: '00540020', detectors: '00540022', sliceOfFrame: '00540080',
}
const RECONSTRUCTED = /^RECON (GATED )?TOMO$/
/** Its detectors go round the patient, and tell how their first frames lie. */
const TURNING = /^(GATED )?TOMO$/

/** The dataset with its detectors only where they tell the place of every frame: Cornerstone 5.14 gives all frames the
 * side that the first one sees, and makes up where they lie. */
export function withTruePlaces(dataset: DicomJson): DicomJson {
  return dataset[TAGS.detectors] && !areSlices(dataset) ? without(dataset, TAGS.detectors) : dataset
}

/** PatientOrientation of a frame, counted from 1, as its detector sees the patient; null where none tells. */
export function codesOfDetector(dataset: DicomJson | undefined, frame: number): [string, string] | null {
  if (TURNING.test(kindOf(dataset))) return null
  const detectors = itemsOf(dataset, TAGS.detectors)
  const number = numbersOf(dataset, TAGS.detectorOfFrame)[frame - 1] ?? (detectors.length === 1 ? 1 : 0)
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = numbersOf(detectors[number - 1], TAGS.orientation)
  const sides: Vector[] = [[a, b, c], [d, e, f]]
  const [row, column] = sides.map(letters)
  return row && column ? [row, column] : null
}

/** Whether the frames are the slices of one volume in order, of which the first one's place and the step are known
 * (PS3.3 C.8.4.15). */
function areSlices(dataset: DicomJson): boolean {
  const [detector, ...others] = itemsOf(dataset, TAGS.detectors)
  const isWhole = numbersOf(detector, TAGS.position).length === 3 && numbersOf(detector, TAGS.orientation).length === 6
    && numbersOf(dataset, TAGS.spacing).length === 2 && Boolean(numbersOf(dataset, TAGS.step)[0])
  const isInOrder = numbersOf(dataset, TAGS.sliceOfFrame).every((slice, index) => slice === index + 1)
  return RECONSTRUCTED.test(kindOf(dataset)) && others.length === 0 && isWhole && isInOrder
}

/** What was taken: STATIC, WHOLE BODY, RECON TOMO … (PS3.3 C.8.4.9.1.1). */
function kindOf(dataset: DicomJson | undefined): string {
  return textsOf(dataset, TAGS.imageType)[2] ?? ''
}
