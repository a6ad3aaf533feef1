/** Headers of images for tests without a server, as the archive tells of them. */
import * as core from '@cornerstonejs/core'
import { registerDefaultProviders } from '@cornerstonejs/metadata'
import type { DicomJson } from '../../src/viewer/dicomweb'
import { answerForMetadata, keepMetadata } from '../../src/viewer/metadata'

const BEFORE_ALL_OTHERS = 2e6

export function answerForHeaders(): void {
  registerDefaultProviders()
  answerForMetadata()
}

/** Which images anything is asked of from now on. */
export function imagesAskedOf(): ReadonlySet<unknown> {
  const asked = new Set<unknown>()
  core.metaData.addProvider((_: string, imageId: unknown) => void asked.add(imageId), BEFORE_ALL_OTHERS)
  return asked
}

/** What the loader multiplies the stored values of an image by. */
export function scalingOf(imageId: string): object {
  return core.utilities.getScalingParameters(imageId)
}

/** An axial CT image "wadors:/<letter>/instances/<digit>/frames/1": the letter is its series, the digit its place in mm. */
export function keepHeader(imageId: string, frameOfReference?: string): void {
  keepMetadata(imageId, {
    ...axialHeader(imageId),
    ...(frameOfReference !== undefined && { '00200052': { vr: 'UI', Value: [frameOfReference] } }),
  })
}

export function axialHeader(imageId: string): DicomJson {
  const [, series = '', number = ''] = /\/(\w)\/instances\/(\d)/.exec(imageId) ?? []
  return {
    '00080016': { vr: 'UI', Value: ['1.2.840.10008.5.1.4.1.1.2'] },
    '00080018': { vr: 'UI', Value: [`1.2.${number}`] },
    '0020000E': { vr: 'UI', Value: [`1.2.3.${series.charCodeAt(0)}`] },
    '00200032': { vr: 'DS', Value: [0, 0, Number(number)] },
    '00200037': { vr: 'DS', Value: [1, 0, 0, 0, 1, 0] },
    '00280010': { vr: 'US', Value: [8] },
    '00280011': { vr: 'US', Value: [8] },
    '00280030': { vr: 'DS', Value: [1, 1] },
  }
}
