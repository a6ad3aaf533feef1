/** The two ways of showing a series in a viewport: frame by frame, or as a plane of its volume. */
import * as core from '@cornerstonejs/core'
import type { Vector } from './geometry'
import { areParallel, cross, dot, nearestIndex, type Plane } from './linking'
import { inTime, planeOf, type LoadedSeries, type SeriesLoader } from './loading'
import { holdStill } from './steady'
import type { Presentation, Slab } from './types'

export type Viewport = core.Types.IStackViewport | core.Types.IVolumeViewport

/** Indexes count from 0. */
export interface Picture {
  readonly viewport: Viewport
  readonly volumeId: string | null
  readonly count: number
  index(): number
  goTo(index: number): Promise<void>
  scroll(by: number): void
  /** The frame under the eye; null in a plane that lies between or across frames. */
  imageId(): string | null
  /** The index of what is on the screen, while that of `index` is still on its way or failed. */
  shownIndex(): number
  isBehind(): boolean
  /** Whether anything was ever on the screen. */
  hasShown(): boolean
  /** Whether low values are white by themselves (MONOCHROME1): Cornerstone then begins inverted. */
  isNegative(): boolean
  /** Ask once more for what failed. */
  again(): Promise<void>
  /** Whether what is shown has a place in the patient, and so sides. */
  isPlaced(): boolean
  /** Whether its images lie across one another, as a localizer's: no way through the patient leads along them. */
  isScattered(): boolean
  /** Go to the slice that holds, or comes nearest to, a point in the patient. */
  jumpTo(point: Vector): void
  /** What is cut, to draw it in other panes; null without a place in the patient. */
  plane(): (Plane & { corners: Vector[]; frameOfReference: string }) | null
  setSlab(slab: Slab | null): void
  dispose(): void
}

export class StackPicture implements Picture {
  readonly volumeId = null
  readonly count: number

  private constructor(
    readonly viewport: core.Types.IStackViewport, private readonly loaded: LoadedSeries,
  ) {
    this.count = loaded.imageIds.length
  }

  static async show(
    viewport: core.Types.IStackViewport, loaded: LoadedSeries, start: number,
  ): Promise<StackPicture> {
    await inTime(viewport.setStack(loaded.imageIds, start), 'image')
    return new StackPicture(viewport, loaded)
  }

  index(): number {
    return this.viewport.getCurrentImageIdIndex()
  }

  async goTo(index: number): Promise<void> {
    await inTime(this.viewport.setImageIdIndex(index), 'image')
  }

  scroll(by: number): void {
    this.viewport.scroll(by, true, false)
  }

  imageId(): string | null {
    return this.loaded.imageIds[this.index()] ?? null
  }

  shownIndex(): number {
    return this.hasShown() ? this.loaded.imageIds.indexOf(this.stack.getCornerstoneImage().imageId) : this.index()
  }

  isBehind(): boolean {
    return this.hasShown() && this.shownIndex() !== this.index()
  }

  hasShown(): boolean {
    const shown: unknown = this.stack.getCornerstoneImage() // typed as if there always were one
    return shown !== undefined
  }

  isNegative(): boolean {
    return this.hasShown() && this.stack.getCornerstoneImage().invert
  }

  /** Asked to go where it is, Cornerstone does nothing. */
  async again(): Promise<void> {
    const imageId = this.imageId()
    if (imageId !== null) await this.stack.loadImages([imageId], this.stack)
  }

  isPlaced(): boolean {
    return planeOf(this.imageId() ?? '') !== null
  }

  isScattered(): boolean {
    return this.isPlaced() && this.loaded.geometry === null
  }

  jumpTo(point: Vector): void {
    const { geometry } = this.loaded
    if (!geometry) return
    const wanted = nearestIndex(geometry.depths, dot(point, geometry.normal))
    // Failures are told by the image's own error event.
    if (wanted !== this.index()) void this.goTo(wanted).catch(() => undefined)
  }

  plane(): ReturnType<Picture['plane']> {
    const image = planeOf(this.imageId() ?? '')
    if (!image) return null
    const at = (x: number, y: number): Vector => [
      image.position[0] + x * image.width * image.row[0] + y * image.height * image.column[0],
      image.position[1] + x * image.width * image.row[1] + y * image.height * image.column[1],
      image.position[2] + x * image.width * image.row[2] + y * image.height * image.column[2],
    ]
    return {
      point: at(0.5, 0.5), normal: cross(image.row, image.column),
      corners: [at(0, 0), at(1, 0), at(1, 1), at(0, 1)], frameOfReference: image.frameOfReference,
    }
  }

  private get stack(): core.StackViewport {
    return this.viewport
  }

  setSlab(): void {
    // A slab needs a volume.
  }

  dispose(): void {
    // Its frames stay in the cache until the study is forgotten.
  }
}

const BLENDS = {
  mip: core.Enums.BlendModes.MAXIMUM_INTENSITY_BLEND,
  minip: core.Enums.BlendModes.MINIMUM_INTENSITY_BLEND,
  average: core.Enums.BlendModes.AVERAGE_INTENSITY_BLEND,
}

export class PlanePicture implements Picture {
  private readonly reference: Vector

  private constructor(
    readonly viewport: core.Types.IVolumeViewport,
    readonly volumeId: string,
    private readonly loaded: LoadedSeries,
    private readonly loader: SeriesLoader,
  ) {
    // Planes of the acquisition count as its frames do, the others as they are first shown.
    const normal = viewPlane(viewport).normal
    const acquired = loaded.geometry?.normal
    this.reference = acquired && areParallel(normal, acquired) ? acquired : normal
  }

  static async show(
    viewport: core.Types.IVolumeViewport, loaded: LoadedSeries, loader: SeriesLoader,
    as: Exclude<Presentation, 'stack'>,
  ): Promise<PlanePicture> {
    const volumeId = await loader.takeVolume(loaded)
    holdStill(viewport)
    try {
      await inTime(viewport.setVolumes([{ volumeId }]), 'volume')
      viewport.setOrientation(ORIENTATIONS[as])
    } catch (error) {
      loader.releaseVolume(volumeId)
      throw error
    }
    return new PlanePicture(viewport, volumeId, loaded, loader)
  }

  get count(): number {
    return this.steps().numScrollSteps + 1
  }

  /** Cornerstone counts along the view's normal, which turns round when the view is flipped. */
  index(): number {
    const { numScrollSteps, currentStepIndex } = this.steps()
    return this.isReversed() ? numScrollSteps - currentStepIndex : currentStepIndex
  }

  goTo(index: number): Promise<void> {
    this.scroll(index - this.index())
    return Promise.resolve()
  }

  scroll(by: number): void {
    const delta = this.isReversed() ? -by : by
    if (delta) core.utilities.scroll(this.viewport as unknown as core.Types.IViewport, { delta, volumeId: this.volumeId })
  }

  imageId(): string | null {
    const acquired = this.loaded.geometry?.normal
    // Asked of another plane, Cornerstone would warn at every step.
    if (!acquired || !areParallel(viewPlane(this.viewport).normal, acquired)) return null
    return this.viewport.getCurrentImageId() ?? null
  }

  shownIndex(): number {
    return this.index()
  }

  isBehind(): boolean {
    return false
  }

  hasShown(): boolean {
    return true
  }

  isNegative(): boolean {
    return false
  }

  /** The holes of its volume are filled for all panes together. */
  again(): Promise<void> {
    return Promise.resolve()
  }

  isPlaced(): boolean {
    return true
  }

  isScattered(): boolean {
    return false
  }

  jumpTo(point: Vector): void {
    this.viewport.jumpToWorld([...point])
  }

  plane(): ReturnType<Picture['plane']> {
    const { clientWidth, clientHeight } = this.viewport.element
    const corner = (x: number, y: number) => this.viewport.canvasToWorld([x, y]) as Vector
    const corners = [
      corner(0, 0), corner(clientWidth, 0), corner(clientWidth, clientHeight), corner(0, clientHeight),
    ]
    return {
      ...viewPlane(this.viewport), corners,
      frameOfReference: this.loaded.geometry?.frameOfReference ?? '',
    }
  }

  setSlab(slab: Slab | null): void {
    if (slab) {
      this.viewport.setBlendMode(BLENDS[slab.mode])
      // Cornerstone's thickness is that of each side of the plane.
      this.viewport.setSlabThickness(slab.mm === null ? this.diagonal_mm() : slab.mm / 2)
    } else {
      this.viewport.setBlendMode(core.Enums.BlendModes.COMPOSITE)
      this.viewport.resetSlabThickness()
    }
    this.viewport.render()
  }

  dispose(): void {
    this.loader.releaseVolume(this.volumeId)
  }

  /** No place of the volume lies farther from any plane through it. */
  private diagonal_mm(): number {
    const { dimensions = [0, 0, 0], spacing = [0, 0, 0] } = this.viewport.getImageData() ?? {}
    return Math.hypot(...dimensions.map((count, axis) => count * (spacing[axis] ?? 0)))
  }

  private steps(): { numScrollSteps: number; currentStepIndex: number } {
    return core.utilities.getVolumeViewportScrollInfo(this.viewport, this.volumeId)
  }

  private isReversed(): boolean {
    return dot(viewPlane(this.viewport).normal, this.reference) < 0
  }
}

const ORIENTATIONS = {
  axial: core.Enums.OrientationAxis.AXIAL,
  sagittal: core.Enums.OrientationAxis.SAGITTAL,
  coronal: core.Enums.OrientationAxis.CORONAL,
}

/** The plane in front of the camera. */
export function viewPlane(viewport: Viewport): Plane {
  const { focalPoint, viewPlaneNormal } = viewport.getCamera()
  return {
    point: (focalPoint ?? [0, 0, 0]), normal: (viewPlaneNormal ?? [0, 0, 1]),
  }
}
