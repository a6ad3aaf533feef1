/** Which frame lies where: in the middle of a pane, or in which open series. */
import type { ViewerSeries, ViewerStudy } from './dicomweb'
import type { Vector } from './geometry'
import { nearestWithin } from './linking'
import type { Pane } from './Pane'
import { frameOf, placeKey } from './regions/frames'
import { toPixel } from './regions/geometry'
import type { PinnedPlace } from './types'

/** The frame in a pane and the pixel in its middle; null in planes between frames, while it is not on the screen, and
 * where another study than `own` is. */
export function placeInMiddle(pane: Pane | undefined, own: ViewerStudy | undefined): PinnedPlace | null {
  const { place, study } = pane?.state ?? {}
  if (!pane?.loaded || !pane.picture || !place || study !== own) return null
  const index = pane.loaded.places.findIndex((one) => placeKey(one) === placeKey(place))
  const { clientWidth, clientHeight } = pane.elements.viewport
  const middle = pane.picture.viewport.canvasToWorld([clientWidth / 2, clientHeight / 2])
  const frame = frameOf(pane.loaded.imageIds[index] ?? '')
  if (!frame) return null
  const [x, y] = toPixel(frame.plane, [...middle])
  return { ...place, pixel: [Math.round(x), Math.round(y)] }
}

/** The point of the patient in the middle of a pane, on its image; null without a place in the patient. */
export function pointInMiddle({ picture, elements }: Pane): Vector | null {
  const plane = picture?.plane()
  if (!picture || !plane) return null
  const { clientWidth, clientHeight } = elements.viewport
  const middle = picture.viewport.canvasToWorld([clientWidth / 2, clientHeight / 2])
  return nearestWithin(plane.corners, middle)
}

interface FoundSeries {
  study: ViewerStudy
  series: ViewerSeries
}

/** The series that holds an instance, before all others that which a pane shows. */
export function seriesWith(sop: string, { state }: Pane, studies: readonly ViewerStudy[]): FoundSeries | null {
  const holds = (series: ViewerSeries) => series.instances.some((i) => i.sop_instance_uid === sop)
  const { study, series } = state
  if (study && series && holds(series)) return { study, series }
  const all = studies.flatMap((one) => one.series.map((s) => ({ study: one, series: s })))
  return all.find((one) => holds(one.series)) ?? null
}
