/** Keeps Cornerstone's labelmaps equal to the content's masks, and says what a stroke changed. */
import * as core from '@cornerstonejs/core'
import * as tools from '@cornerstonejs/tools'
import { viewportOf } from '../PaneDrawings'
import type { MaskLayer, MaskOperation, MaskReach, PaneHost, PaneView, Place } from '../types'
import { fixedIn, isHidden, type SegmentAppearance } from './appearance'
import { giveBrush, groupsOf, type Brush } from './brush'
import { inBursts } from './bursts'
import type { Labelmap } from './Labelmap'
import { MaskTargets, saidOf } from './MaskTargets'
import { withFixed } from './operations'
import { isMaskTool, isStroke, paintsThrough } from './reach'
import { giveUpScissors } from './scissors'
import { placesInView, sliceInView, subjectIn } from './sections'
import { isBlank } from './sliceState'
import { SliceWriter, type MaskLoading, type Target } from './SliceWriter'
import { changedSlices, strokesOf, type StrokeChange } from './strokes'
import { UnderWay } from './UnderWay'
import { whyNotPaint, type PaintRefusal } from './whyNotPaint'
import { workOf, type WorkRefusal } from './works'

/** What the hand did: painted, or one of the operations. */
export type MaskAction = MaskOperation | 'paint'

/** Why nothing happened. */
export type MaskRefusal =
  | WorkRefusal | PaintRefusal | 'hidden' | 'no_slice' | 'prior_study' | 'nothing_to_do' | 'changed_meanwhile' | 'too_large' | 'loading'

export interface MaskCallbacks {
  /** Slices were painted on; false puts them back. */
  onStroke(change: StrokeChange, action: MaskAction): boolean | undefined
  /** What strokes belong to: those that end when it is another one are dropped. */
  owner?(): unknown
  /** Whether an operation is at work. */
  onBusy?(isBusy: boolean): void
  onRefused?(reason: MaskRefusal): void
  /** What of the masks is not on the screen yet: until then nothing is painted over it. */
  onLoading?(loading: MaskLoading | null): void
}

interface InHand {
  target: Target
  value: number
  view: PaneView
}

const DOWN = ['mousedown', 'touchstart']
const UP = ['mouseup', 'touchend', 'touchcancel']
const MODIFIED = tools.Enums.Events.SEGMENTATION_DATA_MODIFIED

export class MaskEditor {
  private readonly targets: MaskTargets
  private readonly writer: SliceWriter
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
  private readonly stopViews: () => void

  constructor(private readonly host: PaneHost, private readonly callbacks: MaskCallbacks) {
    for (const name of DOWN) window.addEventListener(name, this.pressed, true)
    for (const name of UP) window.addEventListener(name, this.released)
    core.eventTarget.addEventListener(MODIFIED, this.modified)
    this.underWay = new UnderWay((isBusy) => callbacks.onBusy?.(isBusy))
    this.targets = new MaskTargets(() => this.refuse('too_large'))
    this.writer = new SliceWriter({
      targets: () => this.targets.all(),
      said: (map) => this.said(map),
      read: (sha256) => this.read(sha256),
      isHeld: () => this.isDestroyed || this.underWay.isPressed,
      inView: (map) => this.inView(map),
      write: ({ map }, index, labels) => this.put(map, index, labels),
      redraw: (map) => this.redraw(map),
      onLoading: (loading) => {
        if (!this.isDestroyed) callbacks.onLoading?.(loading)
      },
    })
    this.stopViews = host.onViews(() => {
      giveUpScissors((element) => !host.views().some((view) => view.element === element))
      void this.refresh()
    })
  }

  /** Make the panes show exactly these masks. Resolves when they do. */
  reconcile(
    masks: readonly MaskLayer[], read: (sha256: string) => Promise<Uint8Array>,
  ): Promise<void> {
    this.masks = masks
    this.read = read
    return this.refresh()
  }

  /** Try again to read what could not be read. */
  retry(): void {
    this.writer.retry()
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
    if (this.brush) for (const group of groupsOf(this.host.views())) giveBrush(group, this.brush)
  }

  setAppearance(segments: readonly SegmentAppearance[], isOutlineOnly: boolean): void {
    this.segments = segments
    this.isOutlineOnly = isOutlineOnly
    for (const { map } of this.targets.all()) map.dress(segments, isOutlineOnly)
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

  /** Whether a hand is down on the images, or an operation at work: it would be lost now. */
  get isUnderWay(): boolean {
    return this.underWay.isPressed || this.underWay.isBusy
  }

  /** What the hand paints that is down now is put back once it lets go; whether one is. */
  giveUp(): boolean {
    giveUpScissors()
    this.isGivenUp = this.underWay.isPressed
    return this.isGivenUp
  }

  /** Where most of a segment lies, to jump to; null where nothing is painted. */
  placeOf(value: number, layer: number): (Place & { pixel: [number, number] }) | null {
    return this.targets.largest(value, layer)
  }

  destroy(): void {
    this.isDestroyed = true
    this.underWay.end()
    this.stopViews()
    for (const name of DOWN) window.removeEventListener(name, this.pressed, true)
    for (const name of UP) window.removeEventListener(name, this.released)
    core.eventTarget.removeEventListener(MODIFIED, this.modified)
    this.writer.destroy()
    this.targets.destroy()
  }

  private async operate(operation: MaskOperation, reach: MaskReach): Promise<void> {
    const owner = this.callbacks.owner?.()
    const isVoid = () => this.isDestroyed || this.callbacks.owner?.() !== owner
    await this.underWay.letGo() // a stroke that ends just now is part of it
    this.collect()
    if (isVoid()) return
    const found = this.inHand(this.host.views().find(({ pane }) => pane === this.host.state.active))
    if (typeof found === 'string') {
      this.refuse(found)
      return
    }
    if (!this.isThere(found, operation, reach)) {
      this.refuse('loading')
      return
    }
    const { edits } = this
    const work = workOf(operation, reach, subjectIn(found.view, found.target.map, found.value))
    const changed = await inBursts(work, () => isVoid() || this.edits !== edits)
    await this.underWay.letGo() // a hand that only moved the images has overtaken nothing
    this.collect()
    if (isVoid()) return
    const isOvertaken = changed === null || this.edits !== edits
    if (isOvertaken || (typeof changed !== 'string' && this.late(found.target, changed.keys()).length > 0)) {
      this.refuse('changed_meanwhile')
    } else if (typeof changed === 'string') this.refuse(changed)
    else if (!this.change(found.target, [...changed], operation)) this.refuse('nothing_to_do')
  }

  /** Whether all that the operation looks at is on the screen. */
  private isThere({ target, view }: InHand, operation: MaskOperation, reach: MaskReach): boolean {
    const isSlice = view.volumeId === null && operation !== 'interpolate' && (reach === 'shown' || operation === 'clear_slice')
    return this.writer.isDone(target, isSlice ? placesInView(view, target.map) : undefined)
  }

  /** Those of the slices that do not hold yet what the content says. */
  private late({ map, slices }: Target, indices: Iterable<number>): number[] {
    const said = this.said(map)
    return [...indices].filter((index) => slices.isBehind(map.places[index] ?? '', said[map.places[index] ?? '']))
  }

  /** Never while a stroke is being painted. */
  private async refresh(): Promise<void> {
    if (this.isDestroyed || this.underWay.isPressed) return
    this.targets.arrange(this.host.views(), this.masks, this.segment, (map) => map.dress(this.segments, this.isOutlineOnly))
    this.applyBrush()
    await this.writer.run()
  }

  /** What the content says of the slices of a label map. */
  private said(map: Labelmap): Readonly<Record<string, string>> {
    return saidOf(this.masks, map)
  }

  private inView(map: Labelmap): number[] {
    const views = this.host.views().filter((view) => view.series.series_instance_uid === map.series)
    return views.flatMap((view) => sliceInView(view, map) ?? [])
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
    if (!view) return
    const why = isStroke(event) ? this.whyNot(view) : null
    if (why) {
      event.stopImmediatePropagation() // Cornerstone would paint
      this.refuse(why)
      return
    }
    this.underWay.press()
  }

  /** Why the tool in hand must not paint now: on slices that are not all there yet it would replace what is stored. */
  private whyNot(view: PaneView): MaskRefusal | null {
    const { tool } = this.host.state
    if (!isMaskTool(tool)) return null
    const found = this.inHand(view)
    if (typeof found === 'string') return found
    const { target } = found
    const why = whyNotPaint({ tool, brush: this.brush, view, viewport: viewportOf(view), map: target.map })
    if (why) return why
    const places = paintsThrough(tool, this.brush, view) ? undefined : placesInView(view, target.map)
    return this.writer.isDone(target, places) ? null : 'loading'
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
    const target = [...this.targets.all()].find(({ map }) => map.id === segmentationId)
    if (!target) return
    if (!this.touched.has(target)) this.touched.set(target, this.callbacks.owner?.())
    if (!this.underWay.isPressed) setTimeout(() => this.collect(), 0)
  }

  private collect(): void {
    if (this.underWay.isPressed) return
    const touched = [...this.touched]
    this.touched.clear()
    for (const [target, owner] of touched) {
      if (owner === this.callbacks.owner?.() && !this.isGivenUp) this.change(target, this.withoutLate(target, changedSlices(target)))
      else this.forget(target)
    }
    this.isGivenUp = false
  }

  /** Strokes of somebody who is gone, or given up: the picture is again as it was told. */
  private forget(target: Target): void {
    const { map, slices } = target
    if (!this.isShown(target)) return
    for (const [index] of changedSlices(target)) this.put(map, index, slices.baseline(map.places[index] ?? ''))
    this.redraw(map)
  }

  private isShown(target: Target): boolean {
    return !this.isDestroyed && [...this.targets.all()].includes(target)
  }

  /** What was painted, but for slices on which the stored labels are still missing: those would be replaced. */
  private withoutLate(target: Target, painted: [number, Uint8Array][]): [number, Uint8Array][] {
    const late = new Set(this.late(target, painted.map(([index]) => index)))
    if (late.size === 0) return painted
    for (const index of late) this.put(target.map, index, target.slices.baseline(target.map.places[index] ?? ''))
    this.refuse('loading')
    return painted.filter(([index]) => !late.has(index))
  }

  /** Show new labels and report them as one stroke; what is locked or hidden stays. False where that changes nothing. */
  private change(
    target: Target, proposed: readonly (readonly [number, Uint8Array])[], action: MaskAction = 'paint',
  ): boolean {
    const { map, slices } = target
    const fixed = fixedIn(this.segments, map.layer)
    const before = new Map<string, Uint8Array | null>()
    const changed = new Map<string, Uint8Array | null>()
    for (const [index, labels] of proposed) {
      const place = map.places[index] ?? ''
      const baseline = slices.baseline(place)
      const kept = withFixed(baseline, labels, fixed)
      if (kept !== map.slice(index)) this.put(map, index, kept)
      if (!slices.hasChanged(place, kept)) continue
      before.set(place, baseline)
      changed.set(place, slices.painted(place, kept))
    }
    this.redraw(map)
    if (changed.size === 0) return false
    this.edits++
    for (const stroke of strokesOf(target, changed, (places) => this.dropped(target, places))) {
      if (this.callbacks.onStroke(stroke, action) !== false) continue
      this.putBack(target, before, stroke.slices.keys())
      this.refuse('changed_meanwhile')
    }
    return true
  }

  /** Where strokes that came before are still under way the picture shows those alone, at once: what is painted next
   * must not take along what was given up. */
  private dropped(target: Target, places: readonly string[]): void {
    const { map, slices } = target
    if (this.isShown(target) && !this.underWay.isPressed) {
      for (const place of places) {
        const [index, labels] = [map.indexOf(place), slices.fallBack(place)]
        if (index !== undefined && labels !== undefined) this.put(map, index, labels)
      }
      this.redraw(map)
    }
    void this.refresh()
  }

  private putBack(
    { map, slices }: Target, before: ReadonlyMap<string, Uint8Array | null>, places: Iterable<string>,
  ): void {
    for (const place of places) {
      const index = map.indexOf(place)
      const labels = before.get(place) ?? null
      if (index === undefined) continue
      slices.refused(place, labels)
      this.put(map, index, labels)
    }
    this.redraw(map)
  }

  /** The labelmap of the segment in hand in a pane. Where there is none Cornerstone would paint another segment. */
  private inHand(view: PaneView | undefined): InHand | 'prior_study' | 'no_slice' | 'hidden' | 'too_large' {
    if (view?.isPrior) return 'prior_study'
    if (!view || !this.segment) return 'no_slice'
    const { layer, value } = this.segment
    if (isHidden(this.segments, this.segment)) return 'hidden'
    const target = this.targets.find(layer, view)
    return target ? { target, value, view } : 'too_large'
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
