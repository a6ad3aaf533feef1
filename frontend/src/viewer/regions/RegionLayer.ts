/** Keeps Cornerstone's annotations equal to the regions of the content, and says what was drawn. The
 * content is the truth: nothing is remembered here that it does not hold. */
import * as core from '@cornerstonejs/core'
import * as tools from '@cornerstonejs/tools'
import { spacingBetween } from '../spacings'
import type { DrawnRegion, PaneHost, PaneView, Region, RegionKind, SpacingSource } from '../types'
import { CrossingOverlay } from './CrossingOverlay'
import { annotationOf, geometryOf, isMoved, kindOf, place, pointsOf, type Annotation, type Geometry } from './annotations'
import { frameOf, framesAt, framesOf, placeKey, placeOf, valuesOf, type Frame } from './frames'
import { areParallel, middleOf, nearest, nearestSince, normalOf } from './geometry'
import { isWhole, mayLeaveFrame } from './shapes'
import { measure, type Statistics } from './statistics'
import { dashOf, paintStyle, removeAnnotation } from './styles'
import { renewText, setText, watchText } from './texts'
import { giveUpUnfinished, isUnfinishedElsewhere, unfinished } from './unfinished'

/** Why something that was drawn is not kept. */
export type Refusal = 'oblique_plane' | 'unknown_frame' | 'too_small' | 'elsewhere'

export interface RegionCallbacks {
  /** A new region; false takes it away again. */
  onDrawn(region: Region): boolean | undefined
  /** A region was moved or reshaped; false puts it back. */
  onChanged(region: Region): boolean | undefined
  onSelected(id: string | null): void
  /** `spacing` is where its millimetres come from. */
  statisticsChanged(id: string, statistics: Statistics, spacing: SpacingSource): void
  /** What is written beside a region that measures this. */
  describe?(statistics: Statistics, spacing: SpacingSource): readonly string[]
  onRefused?(reason: Refusal): void
}

interface Shown {
  region: DrawnRegion
  frame: Frame
  annotation: Annotation
}

const { Events } = tools.Enums
const { state, selection } = tools.annotation
const DOWN = ['mousedown', 'touchstart']
const UP = ['mouseup', 'touchend']
const NO_COLOUR = () => '#f0e442'

export class RegionLayer {
  private readonly shown = new Map<string, Shown>()
  private readonly unmeasured = new Map<string, Shown>()
  /** Of all that is shown; null until a hand draws or moves something in planes: it reads the header of every slice. */
  private known: Map<string, Frame> | null = null
  private regions: readonly DrawnRegion[] = []
  private colours: (label: string) => string = NO_COLOUR
  private selected: string | null = null
  private label = ''
  /** Set while this class itself changes Cornerstone's state, whose events are then no news. */
  private isWriting = false
  /** Where the button went down last: an annotation does not say which pane it was drawn in. */
  private drawnIn: PaneView | null = null
  private readonly overlay: CrossingOverlay
  private isPressed = false
  private isLooking = false
  private readonly stopViews: () => void
  private readonly listeners: [string, (event: Event) => void][]

  constructor(private readonly host: PaneHost, private readonly callbacks: RegionCallbacks) {
    this.listeners = [
      [Events.ANNOTATION_ADDED, (event) => this.added(annotationIn(event))],
      [Events.ANNOTATION_COMPLETED, (event) => this.completed(annotationIn(event))],
      [Events.ANNOTATION_MODIFIED, (event) => this.modified(annotationIn(event))],
      [Events.ANNOTATION_REMOVED, (event) => this.removed(annotationIn(event))],
      [Events.ANNOTATION_SELECTION_CHANGE, () => this.selectionChanged()],
      [core.Enums.Events.IMAGE_CACHE_IMAGE_ADDED, () => this.measureLoaded()], // the event of loading comes before its values
    ]
    for (const [name, listener] of this.listeners) core.eventTarget.addEventListener(name, listener)
    for (const name of DOWN) window.addEventListener(name, this.pressed, true)
    for (const name of UP) window.addEventListener(name, this.released)
    window.addEventListener('resize', this.resized)
    this.overlay = new CrossingOverlay(host)
    this.stopViews = host.onViews(() => {
      this.known = null
      if (!this.isDrawnInShown()) this.cancel()
      this.reconcile(this.regions, this.colours, this.selected)
    })
  }

  private get frames(): Map<string, Frame> {
    this.known ??= framesOf(this.host.views())
    return this.known
  }

  /** Make the panes show exactly these regions. */
  reconcile(
    regions: readonly DrawnRegion[], colours: (label: string) => string, selected: string | null,
  ): void {
    this.regions = regions
    this.colours = colours
    this.selected = selected
    const frames = framesAt(regions, this.host.views())
    this.write(() => {
      const wanted = new Set([...frames.keys()].map(({ id }) => id))
      for (const id of [...this.shown.keys()]) if (!wanted.has(id)) this.take(id)
      for (const [region, frame] of frames) this.showRegion(region, frame)
      this.select(selected)
    })
    this.measureLoaded()
    this.overlay.draw([...this.shown.values()], colours)
    this.render()
  }

  /** The label of what is drawn next: it gets its colour from the first point on. */
  setLabel(label: string): void {
    this.label = label
  }

  /** Give up what is being drawn, or put back what is being moved; whether there was anything. */
  cancel(): boolean {
    const { drawnIn } = this
    if (!drawnIn || !unfinished()) return false
    this.write(() => {
      for (const id of giveUpUnfinished(drawnIn.element)) {
        if (this.shown.has(id)) this.putBack(id)
        else removeAnnotation(id)
      }
    })
    this.render()
    return true
  }

  destroy(): void {
    this.cancel()
    this.stopViews()
    this.overlay.destroy()
    for (const [name, listener] of this.listeners) core.eventTarget.removeEventListener(name, listener)
    for (const name of DOWN) window.removeEventListener(name, this.pressed, true)
    for (const name of UP) window.removeEventListener(name, this.released)
    window.removeEventListener('resize', this.resized)
    this.write(() => {
      for (const id of [...this.shown.keys()]) this.take(id)
    })
  }

  private showRegion(region: DrawnRegion, frame: Frame): void {
    const before = this.shown.get(region.id)
    const annotation = before?.annotation ?? existing(region.id)
    const now = { region, frame, annotation: annotation ?? annotationOf(region, frame) }
    this.shown.set(region.id, now)
    if (!annotation) state.addAnnotation(now.annotation, groupOf(frame))
    if (!before) this.watch(now.annotation, region.kind)
    const isMoved = before?.region.pixels !== region.pixels || before.frame.imageId !== frame.imageId
    if (isMoved) {
      if (annotation) place(annotation, region, frame)
      this.unmeasured.set(region.id, now)
    }
    this.dress(now)
  }

  private dress({ region, annotation }: Shown): void {
    annotation.isVisible = !region.is_hidden
    annotation.isLocked = region.is_locked
    paintStyle(region.id, this.colours(region.label), dashOf(region))
  }

  private take(id: string): void {
    this.shown.delete(id)
    this.unmeasured.delete(id)
    removeAnnotation(id)
  }

  private putBack(id: string): void {
    const known = this.shown.get(id)
    if (known) place(known.annotation, known.region, known.frame)
  }

  private added(annotation: Annotation): void {
    const kind = kindOf(annotation)
    if (this.isWriting || !kind || !annotation.annotationUID) return
    this.watch(annotation, kind)
    paintStyle(annotation.annotationUID, this.colours(this.label))
  }

  /** The first moment at which a new annotation has all its points. */
  private completed(annotation: Annotation): void {
    const kind = kindOf(annotation)
    const id = annotation.annotationUID
    if (this.isWriting || !kind || !id || this.shown.has(id)) return
    const outcome = this.read(annotation, kind)
    if (typeof outcome === 'string') {
      this.discard(id)
      this.callbacks.onRefused?.(outcome)
      return
    }
    const { frame, ...geometry } = outcome
    const region: Region = {
      id, kind, label: this.label, name: '', answers: {}, ...frame.place, ...geometry,
      is_hidden: false, is_locked: false,
    }
    if (this.callbacks.onDrawn(region) === false) this.discard(id)
  }

  private read(annotation: Annotation, kind: RegionKind): (Geometry & { frame: Frame }) | Refusal {
    const frame = this.frameUnder(annotation, kind)
    if (typeof frame === 'string') return frame
    const geometry = geometryOf(annotation, kind, frame)
    return isWhole(kind, geometry.pixels) ? { ...geometry, frame } : 'too_small'
  }

  /** The frame that was drawn on; in a plane through a volume the nearest one. */
  private frameUnder(annotation: Annotation, kind: RegionKind): Frame | Refusal {
    const view = this.host.views().find((v) => v.element === this.drawnIn?.element)
    // Annotations of a stack name their image; those of a plane only sometimes.
    if (!view || view.volumeId === null) return this.referenced(annotation) ?? 'unknown_frame'
    const { viewPlaneNormal } = annotation.metadata ?? {}
    const frames = this.framesIn(view)
    const [first] = frames
    if (!first) return 'unknown_frame'
    const isAlong = !viewPlaneNormal || areParallel(viewPlaneNormal, normalOf(first.plane))
    if (!isAlong && !mayLeaveFrame(kind)) return 'oblique_plane'
    return nearest(frames, middleOf(pointsOf(annotation, kind))) ?? 'unknown_frame'
  }

  /** The frame on which a hand has left a region: what may leave its own goes to the nearest one of its series. */
  private frameAfter({ region, frame, annotation }: Shown): Frame {
    if (!mayLeaveFrame(region.kind) || !isMoved(annotation, region, frame)) return frame
    const view = this.host.views().find(({ imageIds }) => imageIds.includes(frame.imageId))
    return nearestSince(frame, view ? this.framesIn(view) : [], middleOf(pointsOf(annotation, region.kind)))
  }

  private framesIn({ imageIds }: PaneView): Frame[] {
    return imageIds.flatMap((id) => {
      const where = placeOf(id)
      return (where && this.frames.get(placeKey(where))) ?? []
    })
  }

  private referenced(annotation: Annotation): Frame | null {
    const imageId = annotation.metadata?.referencedImageId
    return imageId ? frameOf(imageId) : null
  }

  private readonly pressed = (event: Event): void => {
    this.isPressed = true
    const { target } = event
    const view = this.host.views().find((v) => target instanceof Node && v.element.contains(target))
    // What has several corners is drawn in the pane of its first, and on its image.
    if (view && !unfinished()) this.drawnIn = view
    if (!view || !isUnfinishedElsewhere(view)) return
    event.stopImmediatePropagation()
    this.callbacks.onRefused?.('elsewhere')
  }

  /** Whether the pane that was drawn in last still shows what it showed. */
  private isDrawnInShown(): boolean {
    const { drawnIn } = this
    return this.host.views().some((v) => v.element === drawnIn?.element && v.series === drawnIn.series && v.as === drawnIn.as)
  }

  /** The hand let go: whatever moved meanwhile is one change. Cornerstone reports changes at every
   * step and, for some tools, only when it draws; comparing is surer than counting its events. */
  private readonly released = (): void => {
    this.isPressed = false
    this.lookSoon()
  }

  /** Cornerstone holds a click back until it is no double click: such a change comes after the hand. */
  private modified(annotation: Annotation): void {
    // Cornerstone also says so of statistics of its own, which nobody reads.
    if (this.isPressed || !this.shown.has(annotation.annotationUID ?? '')) renewText(annotation)
    if (!this.isWriting && !this.isPressed) this.lookSoon()
  }

  private lookSoon(): void {
    if (this.isLooking) return
    this.isLooking = true
    setTimeout(() => {
      this.isLooking = false
      if (!this.isPressed) this.reportChanges()
    }, 0)
  }

  private reportChanges(): void {
    let isPutBack = false
    for (const shown of [...this.shown.values()]) {
      const { region, frame, annotation } = shown
      if (region.is_hidden || !isMoved(annotation, region, frame)) continue
      const after = this.frameAfter(shown)
      const moved = geometryOf(annotation, region.kind, after)
      const isKept = !region.is_locked && isWhole(region.kind, moved.pixels)
        && this.callbacks.onChanged({ ...region, ...after.place, ...moved }) !== false
      if (isKept) continue
      this.putBack(region.id)
      isPutBack = true
    }
    if (isPutBack) this.render()
  }

  /** Deleting is the document's business: what Cornerstone dropped comes back until it says so. */
  private removed(annotation: Annotation): void {
    const id = annotation.annotationUID
    if (this.isWriting || !id || !this.shown.delete(id)) return
    queueMicrotask(() => this.reconcile(this.regions, this.colours, this.selected))
  }

  private selectionChanged(): void {
    if (this.isWriting) return
    const id = selection.getAnnotationsSelected().find((uid) => this.shown.has(uid)) ?? null
    if (id === this.selected) return
    this.selected = id
    this.callbacks.onSelected(id)
  }

  private select(id: string | null): void {
    for (const uid of selection.getAnnotationsSelected()) {
      // What is being drawn stays as it is; on what is gone Cornerstone fails.
      if (uid !== id && this.shown.has(uid)) selection.setAnnotationSelected(uid, false)
    }
    if (id !== null && this.shown.has(id)) selection.setAnnotationSelected(id, true)
  }

  private discard(id: string): void {
    this.write(() => removeAnnotation(id))
    this.render()
  }

  private measureLoaded(): void {
    for (const [id, { region, frame, annotation }] of [...this.unmeasured]) {
      if (!core.cache.isLoaded(frame.imageId)) continue
      this.unmeasured.delete(id)
      const { measured, source } = measuredOn(frame, region)
      setText(annotation, this.callbacks.describe?.(measured, source) ?? [])
      this.callbacks.statisticsChanged(id, measured, source)
    }
  }

  /** Its text follows the hand; where none is on it, it is that of the list. */
  private watch(annotation: Annotation, kind: RegionKind): void {
    watchText(annotation, () => {
      const known = this.shown.get(annotation.annotationUID ?? '')
      const frame = known ? this.frameAfter(known) : this.frameUnder(annotation, kind)
      if (typeof frame === 'string') return []
      const shape = { kind, ...geometryOf(annotation, kind, frame) }
      if (!isWhole(kind, shape.pixels)) return []
      const { measured, source } = measuredOn(frame, shape)
      return this.callbacks.describe?.(measured, source) ?? []
    })
  }

  /** Text and lines are as large as the page's, which grows with its window. */
  private readonly resized = (): void => {
    for (const shown of this.shown.values()) this.dress(shown)
    this.render()
  }

  private render(): void {
    const ids = this.host.views().map((view) => view.viewportId)
    tools.utilities.triggerAnnotationRenderForViewportIds(ids)
  }

  private write(work: () => void): void {
    const before = this.isWriting
    this.isWriting = true
    try {
      work()
    } finally {
      this.isWriting = before
    }
  }
}

/** Typed as if every id were known. */
function existing(id: string): Annotation | undefined {
  return state.getAnnotation(id)
}

/** Annotations are grouped by frame of reference; those of images without one under no name. */
function groupOf(frame: Frame): string {
  return frame.frameOfReference as string
}

function annotationIn(event: Event): Annotation {
  return (event as CustomEvent<{ annotation: Annotation }>).detail.annotation
}

/** What a shape measures, and where its millimetres come from. */
function measuredOn(
  frame: Frame, shape: Pick<Region, 'kind' | 'pixels'>,
): { measured: Statistics; source: SpacingSource } {
  const drawn = frame.plane.spacing_mm
  const { source, spacing_mm } = spacingBetween(frame.imageId, shape.pixels, drawn)
  return { measured: measure(shape, valuesOf(frame.imageId), spacing_mm, drawn), source }
}
