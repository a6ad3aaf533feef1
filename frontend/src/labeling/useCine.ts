/** How fast slices play: kept while the page is open, in force at once where they play already. */
import { useState } from 'react'
import type { Workstation } from '../viewer/Workstation'

const FIRST_RATE = 10

export interface CineRate {
  cineRate: number
  onCineRate: (framesPerSecond: number) => void
}

export function useCine(workstation: Workstation | null): CineRate {
  const [cineRate, setCineRate] = useState(FIRST_RATE)
  const onCineRate = (rate: number) => {
    setCineRate(rate)
    const { panes, active } = workstation?.state ?? {}
    if (panes?.[active ?? 0]?.isPlaying) workstation?.cine(rate)
  }
  return { cineRate, onCineRate }
}
