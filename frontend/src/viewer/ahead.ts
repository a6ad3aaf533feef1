/** PURE. What of the next case is fetched before it opens: first what its panes will begin with, then the rest of what
 * its planes cut. */
import { nearestFirst, roomFor } from './budget'
import { startOf } from './dicomweb'
import type { Presentation } from './types'

export interface AheadSeries {
  imageIds: readonly string[]
  frameBytes: number
  /** As it will be shown. */
  as: Presentation
}

export interface AheadFrame {
  imageId: string
  bytes: number
}

export interface Ahead {
  first: AheadFrame[]
  rest: AheadFrame[]
}

/** The frames in the order of their use, each once.
 * @param limit what the cache may hold, and `held` what the volumes hold of it, in bytes */
export function framesOfNext(hung: readonly AheadSeries[], limit: number, held: number): Ahead {
  const taken = new Set<string>()
  let bytes = held
  const first = hung.flatMap((series) => framesOf(series, 1)).filter((frame) => {
    if (taken.has(frame.imageId) || !roomFor(frame.bytes, limit, bytes)) return false
    taken.add(frame.imageId)
    bytes += frame.bytes
    return true
  })
  const planes = hung.filter(({ as }) => as !== 'stack')
  const rest = planes.flatMap((series) => framesOf(series, series.imageIds.length)).filter(({ imageId }) => {
    if (taken.has(imageId)) return false
    taken.add(imageId)
    return true
  })
  return { first, rest }
}

function framesOf({ imageIds, frameBytes }: AheadSeries, count: number): AheadFrame[] {
  return nearestFirst(startOf(imageIds.length, null), imageIds.length, count)
    .flatMap((index) => (imageIds[index] === undefined ? [] : [{ imageId: imageIds[index], bytes: frameBytes }]))
}
