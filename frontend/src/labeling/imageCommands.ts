/** What keys do to the images beyond a step or a tool: slabs, the speed of cine, earlier studies. */
import { MAX_RATE } from '../viewer/cine'
import type { Slab } from '../viewer/types'
import type { ViewerSeries, ViewerStudy } from '../viewer/dicomweb'
import type { Workstation } from '../viewer/Workstation'
import type { Commands } from './actions'
import type { Room } from './commands'
import { nextSlab, thicker, thinner, throughAll } from './slabs'

const RATE_STEP = 1.25

/** Of the plane that the active pane shows when the key is pressed: the page follows a moment later. */
export function slabs(viewer: Workstation): Commands {
  const change = (next: (slab: Slab | null) => Slab | null) => () => {
    const pane = viewer.state.panes[viewer.state.active]
    if (!pane || pane.as === 'stack') return
    viewer.slab(next(pane.slab))
  }
  return {
    slab_mode: change(nextSlab),
    slab_thinner: change((slab) => slab && thinner(slab)),
    slab_thicker: change((slab) => slab && thicker(slab)),
    slab_whole: change((slab) => slab && throughAll(slab)),
  }
}

export function cineRates({ cineRate, onCineRate }: Pick<Room, 'cineRate' | 'onCineRate'>): Commands {
  return {
    cine_slower: () => onCineRate(Math.max(Math.floor(cineRate / RATE_STEP), 1)),
    cine_faster: () => onCineRate(Math.min(Math.ceil(cineRate * RATE_STEP), MAX_RATE)),
  }
}

/** Into the active pane: one earlier study after the other, round at the end, and back to the one that is read. */
export function studies(viewer: Workstation, study: ViewerStudy, priors: readonly ViewerStudy[]): Commands {
  const show = (choose: (now: ViewerStudy | null) => ViewerStudy | undefined) => () => {
    const { active, panes } = viewer.state
    const pane = panes[active]
    const next = choose(pane?.study ?? null)
    const series = next && likeSeries(next, pane?.series ?? null)
    if (series) void viewer.show(active, { study: next, series, as: 'stack' })
  }
  if (priors.length === 0) return {}
  const at = (now: ViewerStudy | null) => priors.findIndex(({ study_instance_uid: uid }) => uid === now?.study_instance_uid)
  return { study_earlier: show((now) => priors[(at(now) + 1) % priors.length]), study_current: show(() => study) }
}

/** The series that is named as the one before, else one of its modality, else the first. */
export function likeSeries(study: ViewerStudy, like: ViewerSeries | null): ViewerSeries | undefined {
  const { series } = study
  const ofModality = series.filter(({ modality }) => modality === like?.modality)
  return ofModality.find(({ series_description }) => series_description === like?.series_description) ?? ofModality[0] ?? series[0]
}
