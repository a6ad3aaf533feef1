/** Where an image's millimetres come from, read from its DICOM JSON: pure. */
import { numbersOf, textsOf, without, type DicomJson } from './dicomweb'
import { itemsOf, numbersInGroups } from './functionalGroups'
import type { SpacingSource } from './types'

export interface Spacing {
  source: SpacingSource
  /** Between rows, and between columns; null where the image has no millimetres. */
  row_mm: number | null
  column_mm: number | null
}

const TAGS = {
  sopClass: '00080016', spacing: '00280030', calibration: '00280A02', imager: '00181164',
  magnification: '00181114', toDetector: '00181110', toPatient: '00181111', toEntrance: '00400306',
  orientation: '00200037', shared: '52009229', perFrame: '52009230', measures: '00289110',
  orientations: '00209116', usRegions: '00186011', aspect: '00280034',
}
/** All that `spacingOf` reads. */
export const SPACING_TAGS: readonly string[] = Object.values(TAGS)
const US = {
  format: '00186012', x0: '00186018', y0: '0018601A', x1: '0018601C', y1: '0018601E',
  unitsX: '00186024', unitsY: '00186026', deltaX: '0018602C', deltaY: '0018602E',
}
const US_TWO_DIMENSIONAL = 1
const US_CENTIMETRES = 3
const MM_PER_CM = 10
const NONE: Spacing = { source: 'none', row_mm: null, column_mm: null }
/** CR, DX, mammography, intraoral, XA, RF and enhanced ones: a shadow on a detector. */
const PROJECTIONS = /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.(1|1\.[123]|1\.[123]\.1|12\.[123]|12\.[12]\.1)(\.1)?$/

/** The spacing to measure with, at a pixel [x, y] where it depends on the place (ultrasound). */
export function spacingOf(
  dataset: DicomJson | undefined, pixel: readonly [number, number] | null = null,
): Spacing {
  const ultrasound = ultrasoundSpacing(dataset, pixel)
  if (ultrasound) return ultrasound
  const spacing = pair(pixelSpacing(dataset))
  if (PROJECTIONS.test(textsOf(dataset, TAGS.sopClass)[0] ?? '')) {
    return projectionSpacing(dataset, spacing)
  }
  if (spacing) {
    const isCalibrated = textsOf(dataset, TAGS.calibration).length > 0 || !hasPlace(dataset)
    return { source: isCalibrated ? 'calibrated' : 'patient', ...spacing }
  }
  const imager = pair(numbersOf(dataset, TAGS.imager))
  return imager ? { source: 'detector', ...imager } : NONE
}

/** The dataset with the spacing of `spacingOf` as PixelSpacing, which is all Cornerstone reads, and without one that makes
 * no sense. Pixels whose size nobody knows are drawn in their shape. */
export function withUsedSpacing(dataset: DicomJson): DicomJson {
  // Ultrasound regions differ within one image, and frames of one object: Cornerstone reads them by itself.
  const isRead = isByPixel(dataset) || dataset[TAGS.shared] !== undefined
  const stored = pair(isRead ? pixelSpacing(dataset) : numbersOf(dataset, TAGS.spacing))
  const used = isRead ? stored : spacingOf(dataset)
  const drawn = used?.row_mm ? used : drawnAs(dataset)
  if (!drawn) return dataset[TAGS.spacing] ? without(dataset, TAGS.spacing) : dataset
  if (stored?.row_mm === drawn.row_mm && stored.column_mm === drawn.column_mm) return dataset
  return { ...dataset, [TAGS.spacing]: { vr: 'DS', Value: [drawn.row_mm, drawn.column_mm] } }
}

/** What draws pixels in the shape that they have without a size (PS3.3 C.7.6.3.1.7); null where they are squares. An image
 * that says how it lies in the patient has none: with any spacing it would have a place there, in millimetres. */
function drawnAs(dataset: DicomJson): Pair | null {
  const shape = pair(numbersOf(dataset, TAGS.aspect))
  const isLaid = numbersInGroups(dataset, TAGS.orientations, TAGS.orientation).length > 0
  if (!shape || shape.row_mm === shape.column_mm || isLaid) return null
  return { row_mm: shape.row_mm / shape.column_mm, column_mm: 1 }
}

/** Whether the scale differs from place to place: ultrasound. */
export function isByPixel(dataset: DicomJson | undefined): boolean {
  return itemsOf(dataset, TAGS.usRegions).length > 0
}

type Pair = Omit<Spacing, 'source'>

function pair(values: number[]): { row_mm: number; column_mm: number } | null {
  const [row = 0, column = 0] = values
  return row > 0 && column > 0 ? { row_mm: row, column_mm: column } : null
}

/** PixelSpacing of the image, or of the first frame of an enhanced object. */
function pixelSpacing(dataset: DicomJson | undefined): number[] {
  const plain = numbersOf(dataset, TAGS.spacing)
  if (plain.length === 2) return plain
  const groups = [...itemsOf(dataset, TAGS.shared), ...itemsOf(dataset, TAGS.perFrame).slice(0, 1)]
  const measures = groups.flatMap((group) => itemsOf(group, TAGS.measures))
  return measures.map((item) => numbersOf(item, TAGS.spacing)).find((v) => v.length === 2) ?? []
}

function hasPlace(dataset: DicomJson | undefined): boolean {
  return numbersOf(dataset, TAGS.orientation).length === 6 || dataset?.[TAGS.shared] !== undefined
}

/** PS3.3 10.7.1.3: corrected to the body, or only known at the detector. */
function projectionSpacing(dataset: DicomJson | undefined, spacing: Pair | null): Spacing {
  const isCalibrated = textsOf(dataset, TAGS.calibration).some((v) => /^(GEOMETRY|FIDUCIAL)$/.test(v))
  if (spacing && isCalibrated) return { source: 'calibrated', ...spacing }
  const imager = pair(numbersOf(dataset, TAGS.imager))
  if (!imager) return spacing ? { source: 'detector', ...spacing } : NONE
  const factor = magnification(dataset)
  if (factor > 1) {
    return { source: 'calibrated', row_mm: imager.row_mm / factor, column_mm: imager.column_mm / factor }
  }
  const isCorrected = spacing?.row_mm != null && spacing.row_mm < imager.row_mm
  return isCorrected
    ? { source: 'calibrated', ...spacing }
    : { source: 'detector', ...(spacing ?? imager) }
}

/** Estimated by the machine, or from its distances; 1 where nothing is known. */
function magnification(dataset: DicomJson | undefined): number {
  const [estimated = 0] = numbersOf(dataset, TAGS.magnification)
  if (estimated > 1) return estimated
  const [toDetector = 0] = numbersOf(dataset, TAGS.toDetector)
  const [toPatient = numbersOf(dataset, TAGS.toEntrance)[0] ?? 0] = numbersOf(dataset, TAGS.toPatient)
  return toPatient > 0 && toPatient < toDetector ? toDetector / toPatient : 1
}

/** The region under the pixel, or the only spatial one of the image. */
function ultrasoundSpacing(
  dataset: DicomJson | undefined, pixel: readonly [number, number] | null,
): Spacing | null {
  const all = itemsOf(dataset, TAGS.usRegions)
  if (all.length === 0) return null
  const spatial = all.filter(isSpatial)
  const found = pixel
    ? spatial.find((region) => contains(region, pixel))
    : spatial.length === 1 ? spatial[0] : undefined
  const sides = pair([
    Math.abs(numbersOf(found, US.deltaY)[0] ?? 0) * MM_PER_CM,
    Math.abs(numbersOf(found, US.deltaX)[0] ?? 0) * MM_PER_CM,
  ])
  if (sides) return { source: 'calibrated', ...sides }
  return spatial.length > 1 && !pixel ? { ...NONE, source: 'calibrated' } : NONE
}

function isSpatial(region: DicomJson): boolean {
  const [format] = numbersOf(region, US.format)
  const [x] = numbersOf(region, US.unitsX)
  const [y] = numbersOf(region, US.unitsY)
  return format === US_TWO_DIMENSIONAL && x === US_CENTIMETRES && y === US_CENTIMETRES
}

function contains(region: DicomJson, [x, y]: readonly [number, number]): boolean {
  const [x0 = 0] = numbersOf(region, US.x0)
  const [y0 = 0] = numbersOf(region, US.y0)
  const [x1 = -1] = numbersOf(region, US.x1)
  const [y1 = -1] = numbersOf(region, US.y1)
  return x >= x0 && x <= x1 && y >= y0 && y <= y1
}
