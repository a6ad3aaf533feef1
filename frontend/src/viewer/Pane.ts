/** One pane: an element, the series it shows and how; knows nothing of the other panes. */
import * as core from '@cornerstonejs/core'
import { startOf, type ViewerSeries, type ViewerStudy } from './dicomweb'
import { Cine } from './cine'
import { edgesOf } from './edges'
import { EMPTY_PANE } from './emptyState'
import type { Failures } from './Failures'
import { frameRateOf, type CineFacts } from './frameRate'
import type { Vector } from './geometry'
import { bringIntoView } from './intoView'
import { turned } from './linking'
import type { LoadedSeries, SeriesLoader } from './loading'
import { Markings } from './markings'
import { troubleOf } from './messages'
import { paneElements, type PaneElements } from './paneElements'
import { PlanePicture, StackPicture, type Picture } from './pictures'
import { PaneWindow } from './PaneWindow'
import type { Preset, Window } from './presets'
import { pointOn } from './regions/frames'
import { scaleOf } from './scale'
import { spacingAt } from './spacings'
import { disableViewport } from './textures'
import { toolGroup } from './tools'
import type { PaneState, PaneView, Presentation, Slab } from './types'

export interface Choice {
  study: ViewerStudy
  series: ViewerSeries
  as: Presentation
}

/** What the workstation hears of: the state changed, and with `isView` the viewport as well. */
export type PaneListener = (pane: Pane, isView: boolean) => void

const EVENTS = core.Enums.Events
const WATCHED = [EVENTS.STACK_NEW_IMAGE, EVENTS.VOLUME_NEW_IMAGE, EVENTS.VOI_MODIFIED, EVENTS.CAMERA_MODIFIED]

export class Pane {
  state = EMPTY_PANE
  readonly elements: PaneElements
  readonly markings: Markings
  readonly viewportId: string
  picture: Picture | null = null
  loaded: LoadedSeries | null = null
  private turn = 0
  private isRefreshing = false
  /** The kind of Cornerstone's viewport in the element, if there is one. */
  private enabled: core.Enums.ViewportType | null = null
  /** Whether the first picture of what is shown is on the screen. */
  isDrawn = false
  /** What it was told to show last. */
  private wanted: { choice: Choice; preset: string; slice: number | null } | null = null
  private readonly windowing = new PaneWindow(() => this.refresh())
  private readonly cinema = new Cine(() => this.state, (slice) => this.goTo(slice))

  constructor(
    readonly number: number,
    private readonly engine: core.RenderingEngine,
    private readonly loader: SeriesLoader,
    private readonly failures: Failures,
    private readonly listener: PaneListener,
  ) {
    this.viewportId = `${engine.id}-${number}`
    this.elements = paneElements(number)
    this.markings = new Markings(this.elements.pane)
    for (const name of WATCHED) this.elements.viewport.addEventListener(name, this.refreshSoon)
    this.elements.viewport.addEventListener(EVENTS.IMAGE_RENDERED, this.onRendered)
  }

  /** Make the canvas, which takes its time, before there is anything to show. */
  readonly prepare = (): void => this.enable('stack')

  /** Show a series from its middle. A later call wins over a slower one. */
  async show(choice: Choice, preset = '', slice: number | null = null): Promise<void> {
    const turn = this.leave()
    const { study, series, as } = choice
    this.wanted = { choice, preset, slice }
    this.change({ ...EMPTY_PANE, status: 'loading', study, series, as })
    try {
      if (as === 'stack') this.loader.askFor(study, series, slice)
      const loading = this.loader.load(study, series)
      this.enable(as)
      const loaded = await loading
      if (turn !== this.turn) return
      const notice = this.loader.whyNotVolume(loaded)
      const shownAs = notice ? 'stack' : as
      this.change({ as: shownAs, notice, frames: loaded.imageIds.length })
      if (shownAs !== as) this.enable(shownAs)
      const picture = await this.present(loaded, shownAs, slice)
      if (turn === this.turn) this.begin(picture, loaded, preset)
      else picture.dispose()
    } catch (error) {
      if (turn === this.turn) this.fail(error)
    }
  }

  /** By what name its failure is known. */
  failing(): string {
    return this.picture?.imageId() ?? this.viewportId
  }

  /** Ask once more for what failed. */
  async again(): Promise<void> {
    const { picture, wanted, state } = this
    if (state.status !== 'failed' || !wanted) return
    if (picture?.hasShown()) await picture.again()
    else await this.show(wanted.choice, wanted.preset, state.slice || wanted.slice)
  }

  /** An image failed, or is there after all. */
  imageChanged(imageId: string): void {
    const { picture } = this
    if (picture?.volumeId && this.loaded?.imageIds.includes(imageId)) picture.viewport.render()
    if (imageId !== picture?.imageId()) return
    if (picture.isBehind() && this.failures.of(imageId) === null) void this.again()
    this.refresh()
  }

  clear(): void {
    this.leave()
    this.wanted = null
    this.change(EMPTY_PANE)
  }

  destroy(): void {
    this.clear()
    this.disable()
    for (const name of WATCHED) this.elements.viewport.removeEventListener(name, this.refreshSoon)
    this.elements.viewport.removeEventListener(EVENTS.IMAGE_RENDERED, this.onRendered)
    this.elements.pane.remove()
  }

  view(ownStudy?: string): PaneView | null {
    const { loaded, picture } = this
    if (!loaded || !picture) return null
    return {
      pane: this.number, viewportId: this.viewportId, engineId: this.engine.id, element: this.elements.viewport, study: loaded.study, series: loaded.series,
      as: this.state.as, imageIds: loaded.imageIds, volumeId: picture.volumeId, isPrior: loaded.study.study_instance_uid !== ownStudy,
      isUnseen: this.state.status === 'failed' || picture.isBehind(), slab: this.state.slab,
    }
  }

  /** Slices count from 1. */
  async goTo(slice: number): Promise<void> {
    const { picture } = this
    if (!picture) return
    const wanted = Math.min(Math.max(Math.round(slice), 1), picture.count) - 1
    if (wanted !== picture.index()) await picture.goTo(wanted)
  }

  /** Show a frame (from 0), or the plane through it; with a pixel of it, that in view: it is returned as a point. */
  async showFrame(index: number, pixel: readonly [number, number] | null): Promise<Vector | null> {
    const imageId = this.loaded?.imageIds[index]
    const { picture } = this
    if (!picture || imageId === undefined) return null
    const point = pointOn(imageId, pixel ?? [0, 0])
    if (picture.volumeId === null) await this.goTo(index + 1)
    else if (point) picture.jumpTo([...point])
    if (pixel && point) bringIntoView(picture.viewport, [...point])
    return pixel && point
  }

  scroll(by: number): void {
    const { picture } = this
    if (!picture) return
    const wanted = Math.min(Math.max(picture.index() + by, 0), picture.count - 1)
    if (wanted !== picture.index()) picture.scroll(wanted - picture.index())
  }

  presets(): Preset[] {
    return this.windowing.presets(this.state.series?.modality ?? '')
  }

  /** A preset by its name, or a window in the image's units. */
  window(wanted: string | Window): void {
    this.windowing.use(wanted)
  }

  /** The window that suits a rectangle of the canvas. */
  windowWithin(from: readonly [number, number], to: readonly [number, number]): void {
    this.windowing.suit(from, to)
  }

  setZoom(zoom: number): void {
    this.picture?.viewport.setZoom(zoom)
    this.picture?.viewport.render()
  }

  /** The whole image again, turned as it is. */
  fit(): void {
    this.picture?.viewport.setPan([0, 0])
    this.setZoom(1)
  }

  reset(): void {
    const { picture } = this
    if (!picture) return
    const { viewport } = picture
    const { flipHorizontal = false, flipVertical = false } = viewport.getViewPresentation()
    if (flipHorizontal) this.flip('h')
    if (flipVertical) this.flip('v')
    const slice = picture.index()
    if (picture.volumeId !== null) picture.setSlab(null)
    this.windowing.reset()
    viewport.resetCamera()
    // A reset of a volume also goes back to its middle.
    if (picture.index() !== slice) void picture.goTo(slice)
    viewport.render()
    this.change({ slab: null })
    this.refresh()
  }

  invert(): void {
    const viewport = this.picture?.viewport
    if (!viewport) return
    viewport.setProperties({ invert: !viewport.getProperties()?.invert })
    viewport.render()
    this.refresh()
  }

  flip(direction: 'h' | 'v'): void {
    const viewport = this.picture?.viewport
    if (!viewport) return
    // Setting the presentation would only flip there, never back.
    const { flip } = viewport as unknown as { flip: (how: core.Types.FlipDirection) => void }
    flip.call(viewport, direction === 'h' ? { flipHorizontal: true } : { flipVertical: true })
    viewport.render()
    this.refresh()
  }

  /** Clockwise on the screen. */
  rotate(degrees: number): void {
    const viewport = this.picture?.viewport
    if (!viewport) return
    const { viewUp, viewPlaneNormal } = viewport.getCamera()
    if (!viewUp || !viewPlaneNormal) return
    viewport.setCamera({ viewUp: turned(viewUp, viewPlaneNormal, degrees) })
    viewport.render()
    this.refresh()
  }

  cine(fps: number | null): void {
    if (fps === null || this.state.slices < 2) this.cinema.stop()
    else this.cinema.play(fps)
    this.change({ isPlaying: this.cinema.isPlaying })
  }

  slab(slab: Slab | null): void {
    if (this.picture?.volumeId == null) return
    this.picture.setSlab(slab)
    this.change({ slab })
  }

  /** Count again what has arrived. */
  countLoaded(): void {
    if (!this.loaded) return
    const loaded = this.loaded.imageIds.filter((id) => core.cache.isLoaded(id)).length
    if (loaded === this.state.loaded) return
    this.change({ loaded })
    this.windowing.arrived()
  }

  private async present(loaded: LoadedSeries, as: Presentation, slice: number | null): Promise<Picture> {
    toolGroup().addViewport(this.viewportId, this.engine.id)
    const viewport: unknown = this.engine.getViewport(this.viewportId)
    if (as !== 'stack') {
      return PlanePicture.show(viewport as core.Types.IVolumeViewport, loaded, this.loader, as)
    }
    return StackPicture.show(viewport as core.Types.IStackViewport, loaded, startOf(loaded.imageIds.length, slice))
  }

  private enable(as: Presentation): void {
    const { ORTHOGRAPHIC, STACK } = core.Enums.ViewportType
    const type = as === 'stack' ? STACK : ORTHOGRAPHIC
    if (this.enabled === type) return
    this.engine.enableElement({ viewportId: this.viewportId, element: this.elements.viewport, type })
    this.enabled = type
  }

  private disable(): void {
    if (this.enabled !== null) disableViewport(this.engine, this.viewportId)
    this.enabled = null
  }

  private begin(picture: Picture, loaded: LoadedSeries, preset: string): void {
    this.failures.done(this.viewportId)
    this.picture = picture
    this.loaded = loaded
    if (picture.volumeId === null) picture.viewport.resetCamera()
    this.windowing.begin(picture, loaded)
    picture.viewport.render()
    if (preset) this.window(preset)
    this.refresh()
    this.countLoaded()
    this.listener(this, true)
  }

  /** End what is shown; returns the number of what comes next. */
  private leave(): number {
    this.cinema.stop()
    this.markings.draw(null, null)
    this.markings.drawRectangle(null)
    this.windowing.end()
    this.isDrawn = false
    const { picture } = this
    this.picture = null
    this.loaded = null
    // In this order: the layers let go of the viewport, and it of the volume. Nothing stays on the
    // screen either, which could pass for what is being loaded.
    if (picture) this.listener(this, true)
    if (this.state.status !== 'empty') this.disable()
    picture?.dispose()
    return ++this.turn
  }

  /** One step of Cornerstone tells several things about itself. */
  private readonly refreshSoon = (): void => {
    if (this.isRefreshing) return
    this.isRefreshing = true
    queueMicrotask(() => {
      this.isRefreshing = false
      this.refresh()
    })
  }

  private refresh(): void {
    const { picture, loaded } = this
    if (!picture || !loaded) return
    const { viewport } = picture
    const { voiRange: range, invert = false } = viewport.getProperties() ?? {}
    const { center, width } = this.state
    const window = range ? this.windowing.windowOf(range) : { center, width }
    const trouble = this.failures.of(picture.imageId())
    // A slice that cannot be loaded must not pass for the one before it, nor that for one that is on its way.
    const index = trouble ? picture.index() : picture.shownIndex()
    const imageId = trouble || picture.isBehind() ? loaded.imageIds[index] : picture.imageId()
    const image = loaded.imageIds.indexOf(imageId ?? '')
    this.change({
      ...window,
      status: trouble ? 'failed' : 'shown',
      trouble,
      slice: index + 1,
      slices: picture.count,
      zoom: viewport.getZoom(),
      scale: scaleOf(viewport),
      isInverted: invert !== picture.isNegative(),
      preset: this.windowing.presetOf(window),
      edges: edgesOf(picture, loaded.codes[image] ?? null),
      spacing: spacingAt(imageId ?? loaded.imageIds[0] ?? '').source,
      place: loaded.places[image] ?? null,
      frameRate: frameRateOf(core.metaData.get('instance', imageId ?? loaded.imageIds[0] ?? '') as CineFacts | undefined),
    })
  }

  private readonly onRendered = (): void => {
    if (this.isDrawn || !this.picture) return
    this.isDrawn = true
    this.listener(this, false)
  }

  private fail(error: unknown): void {
    const trouble = troubleOf(error)
    this.failures.failed(this.viewportId, trouble)
    this.change({ status: 'failed', trouble })
  }

  private change(part: Partial<PaneState>, isView = false): void {
    this.state = { ...this.state, ...part }
    // The pixels of another image stay there until its own are.
    this.elements.viewport.style.opacity = this.state.status === 'failed' ? '0' : ''
    this.listener(this, isView)
  }
}
