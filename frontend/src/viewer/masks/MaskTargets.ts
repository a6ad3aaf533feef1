/** The label maps of the series that are shown: one for each layer that is drawn, or about to be painted. */
import { hasRoomForMask } from '../held'
import { placeOfKey } from '../regions/frames'
import type { MaskLayer, PaneView, Place } from '../types'
import { bytesOf, Labelmap } from './Labelmap'
import { centreOf } from './operations'
import { SliceState } from './sliceState'
import type { Said, Target } from './SliceWriter'

const MAX_BYTES = 512 * 2 ** 20

export class MaskTargets {
  private readonly known = new Map<string, Target>()
  /** Those that do not fit into the memory, as was told once. */
  private readonly refused = new Set<string>()

  /** @param onTooLarge hears once that a label map does not fit; it is made as soon as there is room */
  constructor(private readonly onTooLarge: () => void) {}

  all(): Iterable<Target> {
    return this.known.values()
  }

  find(layer: number, view: PaneView): Target | undefined {
    return this.known.get(keyOf(layer, view))
  }

  /** Where most of a segment lies; null where nothing is painted. */
  largest(value: number, layer: number): (Place & { pixel: [number, number] }) | null {
    let best: { place: string; labels: Uint8Array; map: Labelmap } | null = null
    let most = 0
    for (const { map, slices } of this.all()) {
      if (map.layer !== layer) continue
      for (const [place, labels] of slices.filled()) {
        const count = labels.reduce((sum, label) => sum + (label === value ? 1 : 0), 0)
        if (count > most) [most, best] = [count, { place, labels, map }]
      }
    }
    return best && { ...placeOfKey(best.place), pixel: centreOf(best.labels, value, best.map.sizeOf(best.map.indexOf(best.place)).columns) }
  }

  /** A label map for what the shown series hold or are about to be painted with, and no other. */
  arrange(
    views: readonly PaneView[], masks: readonly MaskLayer[], segment: { value: number; layer: number } | null,
    dress: (map: Labelmap) => void,
  ): void {
    const wanted = wantedIn(views, masks, segment?.layer ?? null)
    for (const [key, { map }] of [...this.known]) {
      // An empty layer stays while its series is shown: it may hold strokes that are under way.
      if (wanted.has(key) || views.some((v) => v.series.series_instance_uid === map.series)) continue
      map.destroy()
      this.known.delete(key)
    }
    for (const key of [...this.refused]) if (!wanted.has(key)) this.refused.delete(key)
    for (const [key, { layer, view }] of wanted) {
      if (!this.known.has(key)) this.create(key, layer, view, views)
    }
    for (const { map } of this.known.values()) {
      const fresh = map.attach(views.filter((v) => v.series.series_instance_uid === map.series))
      if (fresh.length > 0) dress(map)
      if (segment?.layer === map.layer) map.activate(segment.value)
    }
  }

  destroy(): void {
    for (const { map } of this.known.values()) map.destroy()
    this.known.clear()
  }

  private create(key: string, layer: number, view: PaneView, views: readonly PaneView[]): void {
    const stack = views.find((v) => v.series === view.series && v.volumeId === null) ?? view
    const bytes = bytesOf(stack.imageIds)
    if (bytes > MAX_BYTES || !hasRoomForMask(bytes)) {
      if (!this.refused.has(key)) this.onTooLarge()
      this.refused.add(key)
      return
    }
    this.refused.delete(key)
    const map = new Labelmap(layer, view.series.series_instance_uid, stack.imageIds)
    this.known.set(key, { map, slices: new SliceState() })
  }
}

/** What the masks say of the slices of a label map; images of several sizes have a mask each. */
export function saidOf(masks: readonly MaskLayer[], map: Labelmap): Said {
  const [first, ...others] = masks.filter((m) => m.layer === map.layer && m.series_instance_uid === map.series)
  return others.length === 0 ? first?.slices ?? {} : Object.assign({}, first?.slices, ...others.map(({ slices }) => slices)) as Said
}

function keyOf(layer: number, view: PaneView): string {
  return `${layer}:${view.series.series_instance_uid}`
}

function wantedIn(
  views: readonly PaneView[], masks: readonly MaskLayer[], inHand: number | null,
): Map<string, { layer: number; view: PaneView }> {
  const wanted = new Map<string, { layer: number; view: PaneView }>()
  for (const view of views) {
    const series = view.series.series_instance_uid
    const layers = masks.filter((m) => m.series_instance_uid === series).map((m) => m.layer)
    if (inHand !== null && !view.isPrior) layers.push(inHand)
    for (const layer of layers) wanted.set(keyOf(layer, view), { layer, view })
  }
  return wanted
}
