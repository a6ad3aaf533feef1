/** Cornerstone gets the metadata of an instance when it first asks for it: of two thousand slices the first picture
 * needs one. */
import * as core from '@cornerstonejs/core'
import { Enums, utilities } from '@cornerstonejs/metadata'
import type { DicomJson } from './dicomweb'
import { withUsedSpacing } from './spacing'
import { forgetSpacing, rememberSpacing } from './spacings'

const FRAME = /\/frames\/\d+$/
const BEFORE_ALL_OTHERS = 1e6
/** By image id without its frame. */
const waiting = new Map<string, DicomJson>()

/** Once, after the loaders have started: they forget every provider. */
export function answerForMetadata(): void {
  core.metaData.addProvider(add, BEFORE_ALL_OTHERS)
}

/** Adding metadata twice is an error in Cornerstone: whoever keeps some forgets it first. */
export function keepMetadata(firstFrame: string, dataset: DicomJson): void {
  rememberSpacing(firstFrame, dataset)
  waiting.set(firstFrame.replace(FRAME, ''), dataset)
}

/** Nothing in Cornerstone ever frees it. */
export function forgetMetadata(imageId: string): void {
  forgetSpacing(imageId)
  // What all frames share lies under the instance.
  const instance = imageId.replace(FRAME, '')
  waiting.delete(instance)
  for (const type of Object.values(Enums.MetadataModules)) {
    utilities.clearTypedCacheData(type, imageId)
    utilities.clearTypedCacheData(type, instance)
  }
}

/** Asked before those who know, it adds what they will say and says nothing itself. */
function add(_type: string, imageId: unknown): undefined {
  if (waiting.size === 0 || typeof imageId !== 'string') return
  const instance = imageId.replace(FRAME, '')
  const dataset = waiting.get(instance)
  if (!dataset) return
  waiting.delete(instance)
  void utilities.addDicomWebInstance(`${instance}/frames/1`, withUsedSpacing(dataset))
}
