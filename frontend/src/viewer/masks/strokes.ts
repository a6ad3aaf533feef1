/** What a stroke left on the slices of one label map, as it is told to whoever keeps it. */
import type { Labelmap } from './Labelmap'
import type { SliceState } from './sliceState'
import type { Target } from './SliceWriter'

/** What a stroke left on some slices; null where nothing is left. */
export interface StrokeChange {
  layer: number
  series: string
  rows: number
  columns: number
  slices: Map<string, Uint8Array | null>
  outcome: StrokeOutcome
  /** Whether it belongs to the stroke that was told before: of a series with several sizes each is told by itself. */
  isContinued: boolean
}

/** What becomes of a stroke that was not refused. */
export interface StrokeOutcome {
  /** These of its slices become content now, by their hashes; null where nothing is left. */
  kept(hashes: ReadonlyMap<string, string | null>): void
  /** What is not kept yet never will be. */
  dropped(): void
}

/** A change for every size of the slices that were painted. */
export function strokesOf(
  { map, slices }: Target, changed: ReadonlyMap<string, Uint8Array | null>, onDropped: (places: readonly string[]) => void,
): StrokeChange[] {
  return [...bySize(map, changed).values()].map((part, number) => {
    const { rows, columns } = map.sizeOf(map.indexOf([...part.keys()][0] ?? ''))
    const { layer, series } = map
    const outcome = outcomeOf(slices, new Set(part.keys()), onDropped)
    return { layer, series, rows, columns, slices: part, outcome, isContinued: number > 0 }
  })
}

/** The slices on which the picture differs from what was settled. */
export function changedSlices({ map, slices }: Target): [number, Uint8Array][] {
  return map.places.flatMap((place, index): [number, Uint8Array][] => {
    const labels = map.slice(index)
    return slices.hasChanged(place, labels) ? [[index, labels]] : []
  })
}

function bySize(map: Labelmap, changed: ReadonlyMap<string, Uint8Array | null>): Map<string, Map<string, Uint8Array | null>> {
  const parts = new Map<string, Map<string, Uint8Array | null>>()
  for (const [place, labels] of changed) {
    const { rows, columns } = map.sizeOf(map.indexOf(place))
    const part = parts.get(`${rows}:${columns}`) ?? new Map<string, Uint8Array | null>()
    parts.set(`${rows}:${columns}`, part.set(place, labels))
  }
  return parts
}

function outcomeOf(slices: SliceState, places: Set<string>, onDropped: (places: readonly string[]) => void): StrokeOutcome {
  return {
    kept: (hashes) => {
      for (const [place, sha256] of hashes) if (places.delete(place)) slices.kept(place, sha256)
    },
    dropped: () => {
      const given = [...places]
      places.clear()
      for (const place of given) slices.dropped(place)
      onDropped(given)
    },
  }
}
