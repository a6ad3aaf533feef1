/** PURE. What can be saved of masks that were found again, where the bytes of some slices are gone. */
import { drawnMasks, isDrawn, type Content } from './content'
import { isTarget } from './edits'

/** The page may have gone before the bytes of its last stroke were kept: such a slice, which nobody
 * could show or save, falls back to what the server has, and everything else is kept. */
export function withKnownSlices(
  found: Content, theirs: Content, isKnown: (sha256: string) => boolean,
): Content {
  if (!found.masks || drawnMasks(found).every((m) => Object.values(m.slices).every(isKnown))) return found
  const masks = found.masks.map((mask) => {
    if (!isDrawn(mask)) return mask
    const before = drawnMasks(theirs).find((one) => isTarget(one, mask))
    const slices = Object.entries(mask.slices).flatMap(([place, sha256]) => {
      const kept = isKnown(sha256) ? sha256 : before?.slices[place]
      return kept ? [[place, kept] as const] : []
    })
    return { ...mask, slices: Object.fromEntries(slices) }
  })
  return { ...found, masks }
}
