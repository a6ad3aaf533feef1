/** Keeps Cornerstone's labelmaps equal to the content's masks, and says what a stroke changed. */
import * as core from '@cornerstonejs/core'
import * as tools from '@cornerstonejs/tools'
import type { MaskLayer, MaskOperation, MaskReach, PaneHost, PaneView, Place } from '../types'
import { placeOfKey } from '../regions/frames'
import { giveBrush, type Brush } from './brush'
import { inBursts } from './bursts'
import { bytesOf, Labelmap, type SegmentAppearance } from './Labelmap'
import { centreOf, withLocked } from './operations'
import { subjectIn } from './sections'
import { isBlank, SliceState } from './sliceState'
import { UnderWay } from './UnderWay'
import { workOf, type WorkRefusal } from './works'

/** What a stroke left on some slices; null where nothing is left. */
export interface StrokeChange {
  layer: number
  series: string
  rows: number
  columns: number
  slices: Map<string, Uint8Array | null>
}

/** What the hand did: painted, or one of the operations. */
export type MaskAction = MaskOperation | 'paint'

/** Why nothing happened. */
export type MaskRefusal =
  | WorkRefusal | 'no_slice' | 'prior_study' | 'nothing_to_do' | 'changed_meanwhile' | 'too_large'

export interface MaskCallbacks {
  /** Slices were painted on; false puts them back. */
  onStroke(change: StrokeChange, action: MaskAction): boolean | undefined
  /** What strokes belong to: those that end when it is another one are dropped. */
  owner?(): unknown
  /** Whether an operation is at work. */
  onBusy?(isBusy: boolean): void
  onRefused?(reason: MaskRefusal): void
}

interface Target {
  map: Labelmap
  slices: SliceState
}

interface InHand {
  target: Target
  value: number
  view: PaneView
}

const MAX_BYTES = 512 * 2 ** 20
const DOWN = ['mousedown', 'touchstart']
const UP = ['mouseup', 'touchend', 'touchcancel']
const MODIFIED = tools.Enums.Events.SEGMENTATION_DATA_MODIFIED

export class MaskEditor {
  private readonly targets = new Map<string, Target>()
  /** What a hand has painted on, with the owner of its strokes. */
  private readonly touched = new Map<Target, unknown>()
  private masks: readonly MaskLayer[] = []
  private read: (sha256: string) => Promise<Uint8Array> = () => Promise.reject(new Error('no masks'))
  private segment: { value: number; layer: number } | null = null
  private segments: readonly SegmentAppearance[] = []
  private isOutlineOnly = false
  private brush: Brush | null = null
  private isWriting = false
  /** Whether what the hand paints now is not wanted. */
  private isGivenUp = false
  private isDestroyed = false
  private readonly underWay: UnderWay
  private settling: ReturnType<typeof setTimeout> | null = null
  /** Counts what has changed the labels: a long operation that something overtook is void. */
  private edits = 0
  private work: Promise<void> = Promise.resolve()
  private readonly stopViews: () => void

  constructor(private readonly host: PaneHost, private readonly callbacks: MaskCallbacks) {
    for (const name of DOWN) window.addEventListener(name, this.pressed, true)
    for (const name of UP) window.addEventListener(name, this.released)
    core.eventTarget.addEventListener(MODIFIED, this.modified)
    this.underWay = new UnderWay((isBusy) => callbacks.onBusy?.(isBusy))
    this.stopViews = host.onViews(() => void this.refresh())
  }

  /** Make the panes show exactly these masks. Resolves when they do. */
  reconcile(
    masks: readonly MaskLayer[], read: (sha256: string) => Promise<Uint8Array>,
  ): Promise<void> {
    this.masks = masks
    this.read = read
    return this.refresh()
  }

  /** The segment that is painted from now on. */
  setSegment(value: number, layer: number): void {
    this.segment = { value, layer }
    void this.refresh()
  }

  setBrush(brush: Brush): void {
    this.brush = brush
    this.applyBrush()
  }

  /** Again for every view: a tool group knows the brush only once it has a viewport. */
  private applyBrush(): void {
    if (this.brush) for (const group of this.groups()) giveBrush(group, this.brush)
  }

  setAppearance(segments: readonly SegmentAppearance[], isOutlineOnly: boolean): void {
    this.segments = segments
    this.isOutlineOnly = isOutlineOnly
    for (const { map } of this.targets.values()) map.dress(segments, isOutlineOnly)
  }

  /** Change the segment in hand: in what the active pane shows of it, or in the whole series. One step to undo. */
  async apply(operation: MaskOperation, reach: MaskReach): Promise<void> {
    if (this.underWay.isBusy) return
    await this.underWay.during(() => this.operate(operation, reach))
  }

  /** Resolves once every stroke and operation that was begun has been told: nobody hands in before. */
  async rest(): Promise<void> {
    await this.underWay.rest()
    this.collect()
  }

  /** What the hand paints that is down now is put back once it lets go; whether one is. */
  giveUp(): boolean {
    this.isGivenUp = this.underWay.isPressed
    return this.isGivenUp
  }

  /** Where most of a segment lies, to jump to; null where nothing is painted. */
  placeOf(value: number, layer: number): (Place & { pixel: [number, number] }) | null {
    let best: { place: string; labels: Uint8Array; map: Labelmap } | null = null
    let most = 0
    for (const { map, slices } of this.targets.values()) {
      if (map.layer !== layer) continue
      for (const [place, labels] of slices.filled()) {
        const count = labels.reduce((sum, label) => sum + (label === value ? 1 : 0), 0)
        if (count > most) [most, best] = [count, { place, labels, map }]
      }
    }
    return best && { ...placeOfKey(best.place), pixel: centreOf(best.labels, value, best.map.columns) }
  }

  destroy(): void {
    this.isDestroyed = true
    this.underWay.end()
    this.stopViews()
    for (const name of DOWN) window.removeEventListener(name, this.pressed, true)
    for (const name of UP) window.removeEventListener(name, this.released)
    core.eventTarget.removeEventListener(MODIFIED, this.modified)
    for (const { map } of this.targets.values()) map.destroy()
    this.targets.clear()
  }

  private async operate(operation: MaskOperation, reach: MaskReach): Promise<void> {
    const owner = this.callbacks.owner?.()
    const isVoid = () => this.isDestroyed || this.callbacks.owner?.() !== owner
    await this.underWay.letGo() // a stroke that ends just now is part of it
    this.collect()
    if (isVoid()) return
    const found = this.inHand()
    if (typeof found === 'string') {
      this.refuse(found)
      return
    }
    const { edits } = this
    const work = workOf(operation, reach, subjectIn(found.view, found.target.map, found.value))
    const changed = await inBursts(work, () => isVoid() || this.edits !== edits)
    await this.underWay.letGo() // a hand that only moved the images has overtaken nothing
    this.collect()
    if (isVoid()) return
    if (changed === null || this.edits !== edits) this.refuse('changed_meanwhile')
    else if (typeof changed === 'string') this.refuse(changed)
    else if (!this.change(found.target, [...changed], operation)) this.refuse('nothing_to_do')
  }

  /** One at a time, and never while a stroke is being painted. */
  private refresh(): Promise<void> {
    this.work = this.work.then(() => this.show()).catch((error: unknown) => console.error('masks', error))
    return this.work
  }

  private async show(): Promise<void> {
    if (this.isDestroyed || this.underWay.isPressed) return
    this.arrange()
    this.applyBrush()
    for (const target of this.targets.values()) await this.write(target)
  }

  /** A labelmap for what the shown series hold or are about to be painted with, and no other. */
  private arrange(): void {
    const views = this.host.views()
    const wanted = new Map<string, { layer: number; view: PaneView }>()
    for (const view of views) {
      const series = view.series.series_instance_uid
      const layers = this.masks.filter((m) => m.series_instance_uid === series).map((m) => m.layer)
      if (this.segment && !view.isPrior) layers.push(this.segment.layer)
      for (const layer of layers) wanted.set(`${layer}:${series}`, { layer, view })
    }
    for (const [key, { map }] of [...this.targets]) {
      // An empty layer stays while its series is shown: it may hold strokes that are under way.
      if (wanted.has(key) || views.some((v) => v.series.series_instance_uid === map.series)) continue
      map.destroy()
      this.targets.delete(key)
    }
    for (const [key, { layer, view }] of wanted) {
      if (!this.targets.has(key)) this.create(key, layer, view)
    }
    for (const { map } of this.targets.values()) {
      const fresh = map.attach(views.filter((v) => v.series.series_instance_uid === map.series))
      if (fresh.length > 0) map.dress(this.segments, this.isOutlineOnly)
      if (this.segment?.layer === map.layer) map.activate(this.segment.value)
    }
  }

  private create(key: string, layer: number, view: PaneView): void {
    const stack = this.host.views().find((v) => v.series === view.series && v.volumeId === null) ?? view
    if (bytesOf(stack.imageIds) > MAX_BYTES) {
      this.refuse('too_large')
      return
    }
    const map = new Labelmap(layer, view.series.series_instance_uid, stack.imageIds)
    this.targets.set(key, { map, slices: new SliceState() })
  }

  /** Bring the slices up to what the content says. */
  private async write(target: Target): Promise<void> {
    const { map, slices } = target
    const mask = this.masks.find((m) => m.layer === map.layer && m.series_instance_uid === map.series)
    const said = mask?.slices ?? {}
    const news = slices.news(said)
    let isChanged = false
    for (const [place, sha256] of slices.waiting()) {
      if (!news.includes(place)) slices.confirm(place, sha256 === undefined ? null : await this.read(sha256))
    }
    for (const place of news) {
      const index = map.indexOf(place)
      if (index === undefined) continue
      const sha256 = said[place]
      const labels = sha256 === undefined ? null : await this.read(sha256)
      if (this.isDestroyed) return
      if (!slices.tell(place, sha256, labels)) continue
      this.put(map, index, labels)
      isChanged = true
    }
    if (isChanged) this.redraw(map)
  }

  /** Every label that is written here counts as an edit at once: an operation may be reading it. */
  private put(map: Labelmap, index: number, labels: Uint8Array | null): void {
    const slice = map.slice(index)
    if (labels && !isBlank(labels)) slice.set(labels)
    else slice.fill(0)
    this.edits++
  }

  private readonly pressed = (event: Event): void => {
    this.settle()
    const { target } = event
    const view = this.host.views().find((v) => target instanceof Node && v.element.contains(target))
    if (view) this.underWay.press()
  }

  private readonly released = (): void => {
    // After Cornerstone, which paints the last step, a fill or a pair of scissors at this moment.
    this.settling ??= setTimeout(this.settle, 0)
  }

  /** The stroke that has ended is told; also before the next, where a hand is faster than the browser. */
  private readonly settle = (): void => {
    if (this.settling === null) return
    clearTimeout(this.settling)
    this.settling = null
    const wasPressed = this.underWay.isPressed
    this.underWay.release()
    this.collect()
    if (wasPressed) void this.refresh()
  }

  /** Which labelmap was painted on. Not which slices: Cornerstone always names the first slice of a
   * stack, and in planes every slice since the beginning; comparing is exact. */
  private readonly modified = (event: Event): void => {
    if (this.isWriting) return
    const { segmentationId } = (event as CustomEvent<{ segmentationId: string }>).detail
    const target = [...this.targets.values()].find(({ map }) => map.id === segmentationId)
    if (!target) return
    if (!this.touched.has(target)) this.touched.set(target, this.callbacks.owner?.())
    if (!this.underWay.isPressed) setTimeout(() => this.collect(), 0)
  }

  private collect(): void {
    if (this.underWay.isPressed) return
    const touched = [...this.touched]
    this.touched.clear()
    for (const [target, owner] of touched) {
      if (owner === this.callbacks.owner?.() && !this.isGivenUp) this.change(target, changedSlices(target))
      else this.forget(target)
    }
    this.isGivenUp = false
  }

  /** Strokes of somebody who is gone, or given up: the picture is again as it was told. */
  private forget(target: Target): void {
    const { map, slices } = target
    if (![...this.targets.values()].includes(target)) return
    for (const [index] of changedSlices(target)) this.put(map, index, slices.baseline(map.places[index] ?? ''))
    this.redraw(map)
  }

  /** Show new labels and report them as one stroke; what is locked stays. False where that changes nothing. */
  private change(
    target: Target, proposed: readonly (readonly [number, Uint8Array])[], action: MaskAction = 'paint',
  ): boolean {
    const { map, slices } = target
    const locked = new Set(this.segments.filter((s) => s.layer === map.layer && s.isLocked).map((s) => s.value))
    const before = new Map<string, Uint8Array | null>()
    const changed = new Map<string, Uint8Array | null>()
    for (const [index, labels] of proposed) {
      const place = map.places[index] ?? ''
      const baseline = slices.baseline(place)
      const kept = withLocked(baseline, labels, locked)
      if (kept !== map.slice(index)) this.put(map, index, kept)
      if (!slices.hasChanged(place, kept)) continue
      before.set(place, baseline)
      changed.set(place, slices.painted(place, kept))
    }
    this.redraw(map)
    if (changed.size === 0) return false
    this.edits++
    const { layer, series, rows, columns } = map
    if (this.callbacks.onStroke({ layer, series, rows, columns, slices: changed }, action) === false) {
      this.putBack(target, before)
    }
    return true
  }

  private putBack({ map, slices }: Target, before: ReadonlyMap<string, Uint8Array | null>): void {
    for (const [place, labels] of before) {
      const index = map.indexOf(place)
      if (index === undefined) continue
      slices.refused(place, labels)
      this.put(map, index, labels)
    }
    this.redraw(map)
  }

  /** The labelmap of the segment in hand in the active pane. */
  private inHand(): InHand | MaskRefusal {
    const view = this.host.views().find(({ pane }) => pane === this.host.state.active)
    if (view?.isPrior) return 'prior_study'
    if (!view || !this.segment) return 'no_slice'
    const { layer, value } = this.segment
    const target = this.targets.get(`${layer}:${view.series.series_instance_uid}`)
    return target ? { target, value, view } : 'no_slice'
  }

  private groups(): tools.Types.IToolGroup[] {
    const found = this.host.views().map((v) =>
      tools.ToolGroupManager.getToolGroupForViewport(v.viewportId, v.engineId))
    return [...new Set(found.filter((group) => group !== undefined))]
  }

  private redraw(map: Labelmap): void {
    this.isWriting = true
    map.redraw()
    this.isWriting = false
  }

  private refuse(reason: MaskRefusal): void {
    this.callbacks.onRefused?.(reason)
  }
}

function changedSlices({ map, slices }: Target): [number, Uint8Array][] {
  return map.places.flatMap((place, index): [number, Uint8Array][] => {
    const labels = map.slice(index)
    return slices.hasChanged(place, labels) ? [[index, labels]] : []
  })
}
