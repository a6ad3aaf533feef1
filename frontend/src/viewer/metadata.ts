/** Cornerstone gets the metadata of an instance when it first asks for it: of two thousand slices the first picture
 * needs one. */
import * as core from '@cornerstonejs/core'
import { Enums, utilities } from '@cornerstonejs/metadata'
import { withTruePlaces } from './detectors'
import type { DicomJson } from './dicomweb'
import { forgetTable, rememberTable } from './modalityTables'
import { withSpace } from './spaces'
import { withUsedSpacing } from './spacing'
import { forgetSpacing, rememberSpacing } from './spacings'

type Calibration = core.Types.IImageCalibration

const FRAME = /\/frames\/\d+$/
const BEFORE_ALL_OTHERS = 1e6
/** By image id without its frame. */
const waiting = new Map<string, DicomJson>()
/** By image URI: the spacing that Cornerstone has read of each image that it has placed. */
const calibrations = new Map<string, Calibration>()
/** By image id and module: what Cornerstone says of images that it made itself, such as a mask's. */
const made = new Map<string, Map<string, unknown>>()

/** Once, after the loaders have started: they forget every provider. */
export function answerForMetadata(): void {
  keepInsteadOfCornerstone()
  core.metaData.addProvider(add, BEFORE_ALL_OTHERS)
}

/** Two keepers of Cornerstone 5.14 can only forget everything at once, the case on the screen too: what they are told
 * is kept here, image by image, until it is forgotten. */
function keepInsteadOfCornerstone(): void {
  const { calibratedPixelSpacingMetadataProvider: calibrated, genericMetadataProvider: generic, imageIdToURI } = core.utilities
  calibrated.add = (imageId, calibration) => {
    calibrations.set(imageIdToURI(imageId), calibration)
    utilities.clearTypedCacheData(Enums.MetadataModules.IMAGE_PLANE, imageId)
  }
  calibrated.get = (type, imageId) => calibrationOf(type, imageId) as Calibration
  generic.addRaw = (imageId, { type, metadata }) => {
    const modules = made.get(imageId) ?? new Map<string, unknown>()
    made.set(imageId, modules.set(type, metadata))
  }
  core.metaData.addProvider(calibrationOf)
  core.metaData.addProvider((type, imageId) => made.get(imageId)?.get(type))
}

function calibrationOf(type: string, imageId: unknown): Calibration | undefined {
  if (type !== 'calibratedPixelSpacing' || typeof imageId !== 'string') return undefined
  return calibrations.get(core.utilities.imageIdToURI(imageId))
}

/** Adding metadata twice is an error in Cornerstone: whoever keeps some forgets it first. */
export function keepMetadata(firstFrame: string, dataset: DicomJson): void {
  rememberSpacing(firstFrame, dataset)
  rememberTable(firstFrame, dataset)
  waiting.set(firstFrame.replace(FRAME, ''), dataset)
}

/** Nothing in Cornerstone ever frees it. */
export function forgetMetadata(imageId: string): void {
  forgetSpacing(imageId)
  forgetTable(imageId)
  calibrations.delete(core.utilities.imageIdToURI(imageId))
  // What all frames share lies under the instance.
  const instance = imageId.replace(FRAME, '')
  waiting.delete(instance)
  for (const type of Object.values(Enums.MetadataModules)) {
    utilities.clearTypedCacheData(type, imageId)
    utilities.clearTypedCacheData(type, instance)
  }
}

/** Of an image that Cornerstone made itself. */
export function forgetMade(imageId: string): void {
  made.delete(imageId)
}

/** Of how many images something is kept, by its place or by its maker. */
export function keptFacts(): number {
  return waiting.size + calibrations.size + made.size
}

/** Asked before those who know, it adds what they will say and says nothing itself. */
function add(_type: string, imageId: unknown): undefined {
  if (waiting.size === 0 || typeof imageId !== 'string') return
  const instance = imageId.replace(FRAME, '')
  const dataset = waiting.get(instance)
  if (!dataset) return
  waiting.delete(instance)
  void utilities.addDicomWebInstance(`${instance}/frames/1`, withSpace(withUsedSpacing(withTruePlaces(dataset))))
}
