/** What the active pane shows, as what can be asked about: its series and, where one lies under the eye, its frame. */
import type { Place } from '../viewer/types'
import type { Workstation } from '../viewer/Workstation'
import type { Subject } from './questions'

export interface Here {
  study: string | undefined
  series: { series_instance_uid: string }
  name: string
  frame: { place: Place; slice: number } | null
}

export const NOWHERE: { here: Here | null } = { here: null }

export function placeIn({ state }: Workstation): { here: Here | null } {
  const pane = state.panes[state.active]
  if (!pane?.series || pane.status !== 'shown') return NOWHERE
  const { study, series, place, slice } = pane
  const { series_instance_uid, series_description, modality } = series
  return { here: { study: study?.study_instance_uid, series: { series_instance_uid }, name: series_description || modality, frame: place && { place, slice } } }
}

/** Of the open case alone. Earlier studies are only looked at: an answer about them would belong to another read. */
export function subjectsIn(here: Here | null, study: string | undefined): Subject[] {
  if (here === null || here.study !== study) return []
  const series: Subject = { scope: 'series', place: here.series }
  return here.frame ? [series, { scope: 'instance', place: here.frame.place }] : [series]
}
