/** How fast slices play: as the header says until the reader sets a rate for the series, which is kept while the page is open
 * and in force at once where they play already. */
import { useState } from 'react'
import type { WorkstationState } from '../viewer/types'
import type { Workstation } from '../viewer/Workstation'

const FIRST_RATE = 10

export interface CineRate {
  cineRate: number
  onCineRate: (framesPerSecond: number) => void
}

/** Images a second. By series, `set` holds what the reader has set, the latest last: it counts for all that do not say theirs. */
export function rateOf({ series, stored }: { series: string; stored: number | null }, set: ReadonlyMap<string, number>): number {
  return set.get(series) ?? stored ?? [...set.values()].at(-1) ?? FIRST_RATE
}

export function useCine(workstation: Workstation | null, state: WorkstationState): CineRate {
  const [set, remember] = useState<ReadonlyMap<string, number>>(new Map())
  const pane = state.panes[state.active]
  const series = pane?.series?.series_instance_uid ?? ''
  const onCineRate = (rate: number) => {
    remember(new Map([...[...set].filter(([other]) => other !== series), [series, rate]]))
    if (pane?.isPlaying) workstation?.cine(rate)
  }
  return { cineRate: rateOf({ series, stored: pane?.frameRate ?? null }, set), onCineRate }
}
