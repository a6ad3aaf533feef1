/** PURE. What the regions of the open read measure; of the reads before nothing is kept. */
import type { Statistics } from '../viewer/regions/statistics'
import type { SpacingSource } from '../viewer/types'

/** With where the millimetres come from. */
export type Measured = Statistics & { spacing: SpacingSource }

export interface Measurements {
  read: string | null
  byRegion: Readonly<Record<string, Measured>>
}

export const NOTHING_MEASURED: Measurements = { read: null, byRegion: {} }

export function withMeasured(known: Measurements, read: string | null, region: string, found: Measured): Measurements {
  const before = measuredOf(known, read)
  return { read, byRegion: { ...before, [region]: found } }
}

export function measuredOf({ read, byRegion }: Measurements, wanted: string | null): Measurements['byRegion'] {
  return read === wanted ? byRegion : NOTHING_MEASURED.byRegion
}
