/** The spacing of every registered image, for whoever measures on it: at any pixel, with its source. */
import type { DicomJson } from './dicomweb'
import { isByPixel, SPACING_TAGS, spacingOf, type Spacing } from './spacing'
import type { SpacingSource } from './types'

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

/** Between columns, and between rows. */
type Sides = readonly [number, number]

/** What to measure with between pixels of a frame, whose pixels are drawn in the size `drawn_mm`: that holds unless nobody
 * knows it, or the place decides. Then all pixels must lie where one scale holds, or there is none. */
export function spacingBetween(
  imageId: string, pixels: readonly Sides[], drawn_mm: Sides,
): { source: SpacingSource; spacing_mm: Sides | null } {
  const dataset = known.get(imageId.replace(FRAME, ''))
  if (!isByPixel(dataset)) {
    const { source } = spacingOf(dataset)
    return { source, spacing_mm: source === 'none' ? null : drawn_mm }
  }
  const [first, ...others] = pixels.map((pixel) => spacingOf(dataset, pixel))
  const isOne = first?.row_mm && others.every((one) => one.row_mm === first.row_mm && one.column_mm === first.column_mm)
  if (!isOne || !first.row_mm || !first.column_mm) return { source: 'none', spacing_mm: null }
  return { source: first.source, spacing_mm: [first.column_mm, first.row_mm] }
}
