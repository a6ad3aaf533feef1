/** PURE. Painted slices as far as the schema of the read knows their labels: the server refuses the whole draft
 * otherwise, and everything that is answered later with it. */
import { knownLabels } from '../viewer/masks/knownLabels'
import { drawnMasks } from './content'
import type { Segment } from './definition'
import { paint } from './edits'
import type { Found } from './journal'
import { address, decodeSlice, encodeSlice, type Bytes } from './sliceFormat'

/** The slice without labels that are no segments of its layer; null where nothing else is in it. */
export async function fittingSlice(bytes: Bytes, layer: number, segments: readonly Segment[]): Promise<Bytes | null> {
  const slice = await decodeSlice(bytes)
  const labels = knownLabels(slice.labels, layer, segments)
  if (labels === slice.labels) return bytes
  return labels.some((label) => label !== 0) ? encodeSlice({ ...slice, labels }) : null
}

/** What was found again, in the same way: earlier versions of the page took over what could not be saved. */
export async function fittingFound(found: Found | null, segments: readonly Segment[]): Promise<Found | null> {
  if (!found) return null
  const slices = new Map(found.slices)
  let { content } = found
  for (const mask of drawnMasks(content)) {
    const changed = new Map<string, string | null>()
    for (const [place, sha256] of Object.entries(mask.slices)) {
      const bytes = found.slices.get(sha256)
      if (!bytes) continue
      const fitting = await fittingSlice(bytes, mask.layer, segments).catch(() => bytes) // who shows it says it is damaged
      if (fitting === bytes) continue
      changed.set(place, fitting && await address(fitting))
      if (fitting) slices.set(await address(fitting), fitting)
    }
    content = paint(mask, changed)(content)
  }
  return { ...found, content, slices }
}
