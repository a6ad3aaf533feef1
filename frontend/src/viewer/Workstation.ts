/** The reading room without React: panes in a grid, the tool in hand, what is linked. */
import * as core from '@cornerstonejs/core'
import { PaneCommands } from './commands'
import type { ViewerSeries, ViewerStudy } from './dicomweb'
import { placeInMiddle, seriesWith } from './finding'
import { drawMarkings, follow } from './following'
import type { Vector } from './geometry'
import { heldBytes } from './held'
import { GESTURES, type PointGesture, type RegionGesture, type ScrollGesture } from './gestures'
import type { HangingPlan } from './hanging'
import { activeIn, MAX_PANES, shapeOf } from './layout'
import { SeriesLoader } from './loading'
import { EMPTY_PANE, EMPTY_STATE } from './emptyState'
import { Failures } from './Failures'
import { Pane, type Choice } from './Pane'
import { place, showFrame } from './paneElements'
import { Planes } from './Planes'
import { aimOf, Prefetcher } from './prefetch'
import { refitSoon } from './refitting'
import { startCornerstone } from './setup'
import { destroyToolGroup, moveLeftButton } from './tools'
import {
  isViewTool, type Layout, type Links, type PaneHost, type PaneView, type PinnedPlace, type ToolName, type WorkstationState,
} from './types'

const ENGINE = 'firstread'
const PROGRESS_MS = 200
const CACHE_EVENTS = [core.Enums.Events.IMAGE_CACHE_IMAGE_ADDED, core.Enums.Events.IMAGE_CACHE_IMAGE_REMOVED]
const GESTURE_EVENTS: string[] = [...Object.values(GESTURES), 'pointerdown', 'focusin', 'dblclick']

export class Workstation extends PaneCommands implements PaneHost {
  private current = EMPTY_STATE
  private readonly listeners = new Set<(state: WorkstationState) => void>()
  private readonly viewListeners = new Set<() => void>()
  private readonly loader: SeriesLoader
  private readonly failures = new Failures({
    onImage: (imageId) => this.panes.forEach((pane) => pane.imageChanged(imageId)),
    onDue: () => this.askAgain(),
  }, window)
  private readonly prefetcher: Prefetcher
  private readonly planes: Planes
  private engine: core.RenderingEngine | null = null
  private panes: Pane[] = []
  private studies: ViewerStudy[] = []
  /** The pane a hand is on: only its movements are followed, so that no echo comes back. */
  private leader: Pane | null = null
  private isDestroyed = false
  private drawing = 0
  private aimed = ''
  private counting: ReturnType<typeof setTimeout> | null = null
  private readonly resize = new ResizeObserver(() => refitSoon(this.engine, this.panes, () => this.draw()))

  constructor(root: string, private readonly element: HTMLDivElement) {
    super()
    this.loader = new SeriesLoader(root)
    this.prefetcher = new Prefetcher(heldBytes, this.failures)
    this.planes = new Planes(this, element, () => this.panes, this.loader)
  }

  get state(): WorkstationState {
    return this.current
  }

  async start(): Promise<void> {
    await startCornerstone()
    if (this.isDestroyed) return
    this.engine = new core.RenderingEngine(ENGINE)
    Object.assign(this.element.style, { display: 'grid', gap: '1px' })
    for (const name of GESTURE_EVENTS) this.element.addEventListener(name, this.onGesture)
    for (const name of CACHE_EVENTS) core.eventTarget.addEventListener(name, this.onCache)
    this.resize.observe(this.element)
    moveLeftButton(null, this.current.tool)
    this.setLayout(this.current.layout)
    for (const pane of this.panes) pane.prepare()
  }

  /** Free everything that was taken, so that cases can be opened all day. */
  destroy(): void {
    this.isDestroyed = true
    this.close()
    this.failures.destroy()
    this.listeners.clear()
    this.viewListeners.clear()
    this.resize.disconnect()
    for (const name of GESTURE_EVENTS) this.element.removeEventListener(name, this.onGesture)
    for (const name of CACHE_EVENTS) core.eventTarget.removeEventListener(name, this.onCache)
    if (this.counting !== null) clearTimeout(this.counting)
    cancelAnimationFrame(this.drawing)
    for (const pane of this.panes) pane.destroy()
    this.panes = []
    if (!this.engine) return
    this.engine.destroy()
    this.engine = null
    destroyToolGroup()
    this.loader.destroy()
  }

  subscribe(listener: (state: WorkstationState) => void): () => void {
    this.listeners.add(listener)
    listener(this.current)
    return () => this.listeners.delete(listener)
  }

  views(): readonly PaneView[] {
    return this.panes.flatMap((pane) => pane.view(this.studies[0]?.study_instance_uid) ?? [])
  }

  onViews(listener: () => void): () => void {
    this.viewListeners.add(listener)
    return () => this.viewListeners.delete(listener)
  }

  /** Where a pane's overlay belongs; null beyond the layout. */
  paneElement(pane: number): HTMLDivElement | null {
    return this.panes[pane]?.elements.pane ?? null
  }

  open(study: ViewerStudy, priors: readonly ViewerStudy[], plan: HangingPlan): void {
    this.close()
    this.studies = [study, ...priors]
    this.change({ links: plan.links, active: 0 })
    this.setLayout(plan.layout)
    plan.panes.forEach((pane, number) => {
      if (pane) void this.panes[number]?.show(pane, pane.preset)
    })
  }

  close(): void {
    this.prefetcher.stop()
    this.failures.clear()
    this.aimed = ''
    this.studies = []
    this.planes.clear()
    this.leader = null
    for (const pane of this.panes) pane.clear()
    this.change({ maximised: null })
  }

  /** Drop the images of a study that was handed in; panes that still show it are emptied. */
  forget(study: ViewerStudy): void {
    for (const pane of this.panes) {
      if (pane.state.study?.study_instance_uid === study.study_instance_uid) pane.clear()
    }
    this.prefetcher.stop()
    this.loader.forget(study)
  }

  /** What the case that comes next begins with, by its own plan. */
  async prefetch(plan: HangingPlan): Promise<void> {
    const { studies } = this
    const rest = await this.loader.prefetch(plan, studies)
    if (studies === this.studies) this.prefetcher.prepare(rest)
  }

  /** A point of a pane in the patient (LPS mm), and back; null where the pane shows nothing. */
  toPatient(pane: number, [x, y]: readonly [number, number]): Vector | null {
    return this.panes[pane]?.picture?.viewport.canvasToWorld([x, y]) ?? null
  }

  toCanvas(pane: number, [x, y, z]: Vector): readonly [number, number] | null {
    return this.panes[pane]?.picture?.viewport.worldToCanvas([x, y, z]) ?? null
  }

  /** The frame in the active pane and the pixel in its middle, where a remark is pinned; null in planes
   * between frames. */
  inView(): PinnedPlace | null {
    return placeInMiddle(this.panes[this.current.active], this.studies[0])
  }

  /** Ask at once for all that could not be loaded. */
  retry(): void {
    this.failures.again()
  }

  /** For machines with little memory; in force for what is shown from now on. */
  limitMemory(bytes: number): void {
    core.cache.setMaxCacheSize(bytes)
  }

  /** What is held now, to find out where memory went. */
  memory(): { bytes: number; limit: number; series: number; volumes: number; facts: number } {
    return { bytes: core.cache.getCacheSize(), limit: core.cache.getMaxCacheSize(), ...this.loader.counts() }
  }

  /** Keeps what fits; panes beyond the grid are given up. */
  setLayout(layout: Layout): void {
    const { engine } = this
    this.planes.rearranged()
    const { rows, columns, count } = shapeOf(layout)
    this.element.style.gridTemplate =
      `repeat(${rows}, minmax(0, 1fr)) / repeat(${columns}, minmax(0, 1fr))`
    for (const pane of this.panes.splice(count)) pane.destroy()
    while (engine && this.panes.length < Math.min(count, MAX_PANES)) {
      const pane = new Pane(this.panes.length, engine, this.loader, this.failures, this.onPane)
      this.panes.push(pane)
      this.element.append(pane.elements.pane)
      this.resize.observe(pane.elements.viewport)
    }
    const active = activeIn(layout, this.current.active)
    this.change({ layout, active, maximised: null })
    this.arrange()
    this.viewsChanged()
  }

  activate(pane: number): void {
    this.leader = this.panes[pane] ?? null
    if (pane === this.current.active || !this.leader) return
    this.change({ active: pane })
    this.arrange()
  }

  /** One pane over all others, and back. */
  toggleMaximised(pane = this.current.active): void {
    if (this.panes.length < 2) return
    this.activate(pane)
    this.change({ maximised: this.current.maximised === null ? pane : null })
    this.arrange()
  }

  async show(pane: number, choice: Choice, slice: number | null = null): Promise<void> {
    await this.panes[pane]?.show(choice, '', slice)
  }

  /** Three planes with crosshairs; a series that is no volume stays a stack and says why. */
  async showPlanes(series: ViewerSeries): Promise<void> {
    const study = this.studies.find((one) => one.series.includes(series))
    if (study) await this.planes.open(study, series)
    this.draw()
  }

  /** From the series of the active pane to three planes through it, and back. */
  async togglePlanes(): Promise<void> {
    const pane = this.lead()
    const { series } = pane?.state ?? {}
    if (pane && this.planes.areIn(pane)) await this.planes.close()
    else if (series) await this.showPlanes(series)
  }

  setTool(tool: ToolName): void {
    if (tool === this.current.tool) return
    if (this.engine) moveLeftButton(this.current.tool, tool)
    this.change({ tool })
    this.draw()
  }

  setLinks(links: Links): void {
    this.change({ links: { ...links } })
    this.lead()
    if (this.leader) follow(this.leader, this.panes, links)
  }

  setReferenceLines(isOn: boolean): void {
    this.change({ hasReferenceLines: isOn })
    this.draw()
  }

  /** Show a frame in the active pane, of whatever open series it is; with a pixel, that in view, and under the
   * crosshairs where planes have them. */
  async jumpTo(sop: string, frame: number, pixel: readonly [number, number] | null = null): Promise<void> {
    const pane = this.lead()
    const found = pane && seriesWith(sop, pane, this.studies)
    if (!pane || !found) return
    const { places } = await this.loader.load(found.study, found.series)
    const index = places.findIndex((one) => one.sop_instance_uid === sop && one.frame === frame)
    // Meanwhile another case may have come, or a smaller layout.
    if (index < 0 || !this.studies.includes(found.study) || !this.panes.includes(pane)) return
    if (pane.state.series !== found.series) await pane.show({ ...found, as: 'stack' }, '', index + 1)
    const point = await pane.showFrame(index, pixel)
    if (point && this.planes.reach(pane)) this.pointAt(pane, point)
  }

  /** A command moves the active pane, and what is linked to it. */
  protected override lead(): Pane | undefined {
    const pane = this.panes[this.current.active]
    this.leader = pane ?? null
    return pane
  }

  private readonly onPane = (pane: Pane, isView: boolean): void => {
    this.change({})
    if (pane.state.status === 'shown' && pane === this.leader) {
      follow(pane, this.panes, this.current.links)
      this.planes.moved(pane)
    }
    this.draw()
    // Not before: what is fetched ahead would stand in the way of the first picture.
    if (pane.isDrawn) this.prefetchAround()
    if (isView) this.viewsChanged()
  }

  private readonly onGesture = (event: Event): void => {
    const pane = this.panes.find(({ elements }) => elements.pane.contains(event.target as Node))
    if (!pane) return
    this.leader = pane
    if (event.type === 'pointerdown' || event.type === 'focusin') this.activate(pane.number)
    if (event.type === 'dblclick') this.onDoubleClick(pane)
    const { detail } = event as CustomEvent<unknown>
    if (event.type === GESTURES.scroll) pane.scroll((detail as ScrollGesture).by)
    if (event.type === GESTURES.point) this.pointAt(pane, (detail as PointGesture).point)
    if (event.type === GESTURES.region) this.onRegion(pane, detail as RegionGesture)
  }

  /** Two quick clicks with a drawing tool belong to the drawing. */
  private onDoubleClick(pane: Pane): void {
    if (isViewTool(this.current.tool)) this.toggleMaximised(pane.number)
  }

  private pointAt(pane: Pane, point: Vector): void {
    this.planes.pointAt(pane, point)
    this.draw()
  }

  private onRegion(pane: Pane, { from, to, isDone }: RegionGesture): void {
    pane.markings.drawRectangle(isDone ? null : [from, to])
    if (isDone) pane.windowWithin(from, to)
  }

  private prefetchAround(): void {
    const active = this.panes[this.current.active]
    const inOrder = [active, ...this.panes.filter((pane) => pane !== active)].filter((pane) => pane !== undefined)
    const aimed = inOrder.map((pane) => `${pane.viewportId} ${pane.state.series?.series_instance_uid} ${pane.state.slice}`).join()
    if (aimed === this.aimed) return
    this.aimed = aimed
    this.prefetcher.aim(inOrder.flatMap(aimOf))
  }

  /** For what failed and has waited long enough. */
  private askAgain(): void {
    this.aimed = ''
    this.prefetchAround()
    this.loader.fillVolumes((imageId) => this.failures.of(imageId) !== null && !this.failures.isWaiting(imageId))
    for (const pane of this.panes) if (!this.failures.isWaiting(pane.failing())) void pane.again()
  }

  private readonly onCache = (): void => {
    this.counting ??= setTimeout(() => {
      this.counting = null
      for (const pane of this.panes) pane.countLoaded()
    }, PROGRESS_MS)
  }

  private draw(): void {
    cancelAnimationFrame(this.drawing)
    this.drawing = requestAnimationFrame(() => {
      const { hasReferenceLines, active } = this.current
      drawMarkings(this.panes, hasReferenceLines ? this.panes[active] : undefined, this.planes.cross)
    })
  }

  private arrange(): void {
    const { active, maximised, layout } = this.current
    const { columns } = shapeOf(layout)
    for (const { number, elements } of this.panes) {
      const cell = { row: Math.floor(number / columns) + 1, column: (number % columns) + 1 }
      place(elements, number === maximised ? null : cell)
      showFrame(elements, this.panes.length > 1 && number === active)
    }
    this.draw()
  }

  private viewsChanged(): void {
    for (const listener of this.viewListeners) listener()
  }

  private change(part: Partial<WorkstationState>): void {
    const panes = this.panes.length > 0 ? this.panes.map(({ state }) => state) : [EMPTY_PANE]
    this.current = { ...this.current, ...part, panes }
    for (const listener of this.listeners) listener(this.current)
  }
}
