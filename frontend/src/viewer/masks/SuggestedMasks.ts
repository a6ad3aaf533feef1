/** Draws label maps that a model suggests over the series they belong to: outlines only, paler than what
 * the reader painted, and never painted on. */
import * as tools from '@cornerstonejs/tools'
import { hasRoomForMask } from '../held'
import { ViewerError } from '../messages'
import type { MaskLayer, PaneHost, PaneView, Place } from '../types'
import { placeKey } from '../regions/frames'
import type { SegmentAppearance } from './appearance'
import { knownLabels } from './knownLabels'
import { bytesOf, Labelmap } from './Labelmap'
import { centreOf } from './operations'

type Read = (sha256: string) => Promise<Uint8Array>

const RETRY_MS = 2000
const LONGEST_RETRY_MS = 30_000
const WHITE = 255
const PALENESS = 0.5
const { activeSegmentation } = tools.segmentation

export class SuggestedMasks {
  private readonly maps = new Map<string, Labelmap>()
  private given: readonly MaskLayer[] = []
  private masks: readonly MaskLayer[] = []
  private segments: readonly SegmentAppearance[] = []
  private read: Read = () => Promise.reject(new Error('no masks'))
  private isDestroyed = false
  private work: Promise<void> = Promise.resolve()
  /** How often in a row they could not be loaded. */
  private troubles = 0
  private timer: ReturnType<typeof setTimeout> | null = null
  private readonly stopViews: () => void

  /** @param onTrouble hears once why masks are missing; they are tried again by themselves */
  constructor(private readonly host: PaneHost, private readonly onTrouble: (error: unknown) => void) {
    this.stopViews = host.onViews(() => void this.refresh())
  }

  /** Show exactly these masks; an empty list shows none. Resolves when they are there. */
  show(masks: readonly MaskLayer[], segments: readonly SegmentAppearance[], read: Read): Promise<void> {
    if (masks !== this.given) this.drop()
    if (masks !== this.given) this.masks = joined(masks)
    this.given = masks
    this.segments = segments.map((one) => ({ ...one, colour: paler(one.colour), isHidden: false, isLocked: true }))
    this.read = read
    return this.refresh()
  }

  /** Where most is labelled, to jump to; null where nothing is shown. */
  place(): (Place & { pixel: [number, number] }) | null {
    let best: { place: Place; labels: Uint8Array; map: Labelmap } | null = null
    let most = 0
    for (const map of this.maps.values()) {
      for (const [index, key] of map.places.entries()) {
        const labels = map.slice(index)
        const count = labels.reduce((sum, label) => sum + (label === 0 ? 0 : 1), 0)
        const [sop_instance_uid = '', frame = '1'] = key.split(':')
        if (count > most) [most, best] = [count, { place: { sop_instance_uid, frame: Number(frame) }, labels, map }]
      }
    }
    return best && pinned(best)
  }

  destroy(): void {
    this.isDestroyed = true
    if (this.timer !== null) clearTimeout(this.timer)
    this.stopViews()
    this.drop()
  }

  private drop(): void {
    for (const map of this.maps.values()) map.destroy()
    this.maps.clear()
  }

  /** One at a time: labels are read while panes change. */
  private refresh(): Promise<void> {
    this.work = this.work.then(() => this.arrange()).then(
      () => {
        this.troubles = 0
      },
      (error: unknown) => this.failed(error),
    )
    return this.work
  }

  private failed(error: unknown): void {
    if (this.isDestroyed) return
    if (this.troubles === 0) this.onTrouble(error)
    const wait = Math.min(RETRY_MS * 2 ** this.troubles, LONGEST_RETRY_MS)
    this.troubles++
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.refresh(), wait)
  }

  private async arrange(): Promise<void> {
    for (const mask of this.masks) {
      if (this.isDestroyed || !this.masks.includes(mask)) return
      const views = this.viewsOf(mask)
      const key = `${mask.layer}:${mask.series_instance_uid}`
      const [view] = views
      if (view && !this.maps.has(key)) await this.create(key, mask, view)
      const map = this.maps.get(key)
      if (map) keepingActive(views, () => this.attach(map, views))
    }
  }

  private async create(key: string, mask: MaskLayer, view: PaneView): Promise<void> {
    const stack = this.viewsOf(mask).find(({ volumeId }) => volumeId === null) ?? view
    if (!hasRoomForMask(bytesOf(stack.imageIds))) throw new ViewerError({ code: 'no_room' })
    const read = await Promise.all(
      Object.entries(mask.slices).map(async ([place, sha256]) => [place, await this.read(sha256)] as const),
    )
    if (this.isDestroyed || !this.masks.includes(mask)) return
    const map = new Labelmap(mask.layer, mask.series_instance_uid, stack.imageIds, 'suggested')
    for (const [place, labels] of read) {
      const index = map.indexOf(place)
      if (index !== undefined) map.slice(index).set(knownLabels(labels, mask.layer, this.segments)) // as it can be taken over
    }
    this.maps.set(key, map)
  }

  private attach(map: Labelmap, views: readonly PaneView[]): void {
    if (map.attach(views).length === 0) return
    map.dress(this.segments, true)
    map.redraw()
  }

  private viewsOf({ series_instance_uid }: MaskLayer): PaneView[] {
    return this.host.views().filter(({ series }) => series.series_instance_uid === series_instance_uid)
  }
}

/** Cornerstone paints on whatever was added last. */
function keepingActive(views: readonly PaneView[], work: () => void): void {
  const before = views.map(({ viewportId }) => [viewportId, activeSegmentation.getActiveSegmentation(viewportId)] as const)
  work()
  for (const [viewportId, active] of before) {
    if (active as unknown) activeSegmentation.setActiveSegmentation(viewportId, active.segmentationId)
  }
}

/** One for each layer of a series, whatever sizes its images have. */
function joined(masks: readonly MaskLayer[]): MaskLayer[] {
  const found = new Map<string, MaskLayer>()
  for (const mask of masks) {
    const key = `${mask.layer}:${mask.series_instance_uid}`
    found.set(key, { ...mask, slices: { ...found.get(key)?.slices, ...mask.slices } })
  }
  return [...found.values()]
}

function pinned({ place, labels, map }: { place: Place; labels: Uint8Array; map: Labelmap }): Place & { pixel: [number, number] } {
  const value = labels.find((label) => label !== 0) ?? 0
  return { ...place, pixel: centreOf(labels, value, map.sizeOf(map.indexOf(placeKey(place))).columns) }
}

function paler(colour: string): string {
  const part = (start: number) => {
    const value = Number.parseInt(colour.slice(start, start + 2), 16)
    return Math.round(value + (WHITE - value) * PALENESS).toString(16).padStart(2, '0')
  }
  return `#${part(1)}${part(3)}${part(5)}`
}
