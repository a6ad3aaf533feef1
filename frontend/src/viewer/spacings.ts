/** The spacing of every registered image, for whoever measures on it: at any pixel, with its source. */
import type { DicomJson } from './dicomweb'
import { SPACING_TAGS, spacingOf, type Spacing } from './spacing'

const FRAME = /\/frames\/\d+$/
/** By image id without its frame. Only what spacing needs is kept of a dataset. */
const known = new Map<string, DicomJson>()

export function rememberSpacing(imageId: string, dataset: DicomJson): void {
  const kept = SPACING_TAGS.flatMap((tag) => (dataset[tag] ? [[tag, dataset[tag]] as const] : []))
  known.set(imageId.replace(FRAME, ''), Object.fromEntries(kept))
}

export function forgetSpacing(imageId: string): void {
  known.delete(imageId.replace(FRAME, ''))
}

/** At a pixel [x, y], or of the image where it is the same everywhere. */
export function spacingAt(imageId: string, pixel: readonly [number, number] | null = null): Spacing {
  return spacingOf(known.get(imageId.replace(FRAME, '')), pixel)
}
