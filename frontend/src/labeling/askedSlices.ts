/** The slices that a read is asked to draw on, as places that can be gone to. */
import type { Reading } from '../api/client'
import { imagesOf } from '../viewer/dicomweb'
import type { Place } from '../viewer/types'
import type { Workstation } from '../viewer/Workstation'
import { drawnMasks, type Content } from './content'
import { placeKey } from './edits'
import { goThere } from './goThere'

export interface AskedSlice extends Place {
  series_instance_uid: string
  /** From 1, as the pane counts them. */
  slice: number
  isDrawn: boolean
}

/** In slice order, one series after the other; a place that the study no longer has is left out. */
export function askedSlices({ study, annotation }: Reading, content: Content): AskedSlice[] {
  return annotation.asked.flatMap(({ layer, series_instance_uid, slices }) => {
    const series = study.series.find((one) => one.series_instance_uid === series_instance_uid)
    const wanted = new Set(slices)
    const drawn = drawnMasks(content).filter((mask) => mask.layer === layer && mask.series_instance_uid === series_instance_uid)
    return (series ? imagesOf(series) : []).flatMap((place, index) => {
      const key = placeKey(place)
      return wanted.has(key) ? [{ ...place, series_instance_uid, slice: index + 1, isDrawn: drawn.some((mask) => mask.slices[key] !== undefined) }] : []
    })
  })
}

export function isAt(asked: Place, here: Place | null): boolean {
  return here !== null && placeKey(asked) === placeKey(here)
}

/** From one to the next, round at the end; from elsewhere to the first that is not drawn yet, or the last one. */
export function nextAsked(slices: readonly AskedSlice[], here: Place | null, by: 1 | -1): AskedSlice | undefined {
  const at = slices.findIndex((one) => isAt(one, here))
  if (at >= 0) return slices[(at + by + slices.length) % slices.length]
  return by === 1 ? slices.find(({ isDrawn }) => !isDrawn) ?? slices[0] : slices[slices.length - 1]
}

export async function goToAsked({ sop_instance_uid, frame }: AskedSlice, { study }: Reading, workstation: Workstation): Promise<void> {
  await goThere({ sop_instance_uid, frame, pixel: null, region: null }, study, workstation, () => undefined)
}
