/** One layer on one series as Cornerstone draws it: a labelmap image per frame, shared by stacks and by
 * planes through the volume. Its arrays are the picture; what they should be is the editor's business. */
import * as core from '@cornerstonejs/core'
import * as tools from '@cornerstonejs/tools'
import { holdMask, releaseMask } from '../held'
import type { PaneView } from '../types'
import { forgetMade } from '../metadata'
import { placeKey, placeOf } from '../regions/frames'
import { forgetStrokes } from '../tools'
import { isFixed, type SegmentAppearance } from './appearance'
import { isSameSize, type Size } from './operations'

const { segmentation } = tools
const STACK = 'stack'
const LABELMAP = tools.Enums.SegmentationRepresentations.Labelmap

/** Where Cornerstone keeps the volumes that it made of the images. */
interface Held {
  volumeId?: string
  labelmaps?: Record<string, { volumeId?: string; geometryVolumeId?: string }>
}

export class Labelmap {
  readonly id: string
  /** "<sop_instance_uid>:<frame>" of every slice, in the order of the stack. */
  readonly places: readonly string[]
  /** Of each slice: a series may hold images of several sizes. */
  readonly sizes: readonly Size[]
  readonly hasOneSize: boolean
  private readonly images: readonly core.Types.IImage[]
  /** Cornerstone's number of its colours: each pane would get some of its own, for good. */
  private readonly palette = segmentation.config.color.addColorLUT([[0, 0, 0, 0]])
  private readonly indices: ReadonlyMap<string, number>
  /** What is attached to a viewport: the same viewport may turn from a stack into a plane. */
  private readonly attached = new Map<string, string>()

  /** Nothing is left of one that cannot be made. Whether there is room for it: `hasRoomForMask`. */
  constructor(readonly layer: number, readonly series: string, private readonly sourceIds: readonly string[], kind = 'mask') {
    this.id = `${kind}:${layer}:${series}`
    this.images = this.makeImages()
    holdMask(this.id, this.images.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0))
    this.sizes = this.images.map(({ rows, columns }) => ({ rows, columns }))
    this.hasOneSize = this.sizes.every((size) => isSameSize(size, this.sizes[0]))
    this.places = sourceIds.map((id) => {
      const place = placeOf(id)
      return place ? placeKey(place) : id
    })
    this.indices = new Map(this.places.map((place, i) => [place, i]))
    segmentation.addSegmentations([{
      segmentationId: this.id,
      representation: { type: LABELMAP, data: { imageIds: this.images.map((image) => image.imageId) } },
    }])
  }

  private makeImages(): core.Types.IImage[] {
    const made: string[] = []
    const onCacheAdd = (image: core.Types.IImage) => {
      // Shared images are never evicted: a long series would push its own labels out of the cache.
      image.sharedCacheKey = this.id
      made.push(image.imageId)
    }
    try {
      return core.imageLoader.createAndCacheDerivedLabelmapImages([...this.sourceIds], { onCacheAdd })
    } catch (error) {
      dropImages(made)
      segmentation.state.removeColorLUT(this.palette)
      throw error
    }
  }

  indexOf(place: string): number | undefined {
    return this.indices.get(place)
  }

  sizeOf(index: number | undefined): Size {
    return this.sizes[index ?? 0] ?? { rows: 0, columns: 0 }
  }

  /** The labels of a slice as they are shown: writing here writes the picture. */
  slice(index: number): Uint8Array {
    const image = this.images[index]
    if (!image) throw new Error(`${this.id} has no slice ${index}`)
    return image.getPixelData() as Uint8Array
  }

  /** All of them in order. */
  slices(): Uint8Array[] {
    return this.images.map((_, index) => this.slice(index))
  }

  /** Show it in these panes of its series, and in no others. */
  attach(views: readonly PaneView[]): PaneView[] {
    const wanted = new Map(views.map((view) => [view.viewportId, view]))
    for (const [viewportId, kind] of [...this.attached]) {
      const view = wanted.get(viewportId)
      if (view && kindOf(view) === kind) continue
      this.attached.delete(viewportId)
      if (core.getEnabledElementByViewportId(viewportId) as unknown) {
        segmentation.removeLabelmapRepresentation(viewportId, this.id)
      }
    }
    if ([...this.attached.values()].every((kind) => kind === STACK)) this.dropVolume()
    const fresh = views.filter((view) => !this.attached.has(view.viewportId))
    for (const view of fresh) {
      this.attached.set(view.viewportId, kindOf(view))
      const config = { colorLUTOrIndex: this.palette }
      segmentation.addLabelmapRepresentationToViewport(view.viewportId, [{ segmentationId: this.id, config }])
    }
    return fresh
  }

  /** Paint the segment in hand here from now on. */
  activate(value: number): void {
    for (const viewportId of this.attached.keys()) {
      segmentation.activeSegmentation.setActiveSegmentation(viewportId, this.id)
    }
    this.define(value)
    segmentation.segmentIndex.setActiveSegmentIndex(this.id, value)
  }

  /** Cornerstone locks and colours only segments that it was told of. */
  private define(value: number): void {
    const known = segmentation.state.getSegmentation(this.id)?.segments as
      Record<number, tools.Types.Segment | undefined> | undefined
    if (!known || known[value]) return
    known[value] = { segmentIndex: value, label: '', locked: false, cachedStats: {}, active: false }
  }

  dress(segments: readonly SegmentAppearance[], isOutlineOnly: boolean): void {
    for (const segment of segments) {
      const { value, layer, colour, opacity, isHidden } = segment
      if (layer !== this.layer) continue
      this.define(value)
      segmentation.segmentLocking.setSegmentIndexLocked(this.id, value, isFixed(segment))
      segmentation.config.style.setStyle(
        { type: LABELMAP, segmentationId: this.id, segmentIndex: value },
        {
          renderFill: !isOutlineOnly, renderFillInactive: !isOutlineOnly, fillAlpha: opacity,
          fillAlphaInactive: opacity, renderOutline: true, renderOutlineInactive: true,
          outlineWidth: 2, outlineWidthInactive: 2,
        },
      )
      const specifier = { segmentationId: this.id, type: LABELMAP }
      for (const viewportId of this.attached.keys()) {
        // Cornerstone hides only segments that it was told of before the pane began to show the label map.
        for (const shown of segmentation.state.getSegmentationRepresentations(viewportId, specifier)) {
          shown.segments[value] ??= { visible: true }
        }
        segmentation.config.color.setSegmentIndexColor(viewportId, this.id, value, rgba(colour))
        segmentation.config.visibility.setSegmentIndexVisibility(viewportId, specifier, value, !isHidden)
      }
    }
  }

  /** The arrays changed: draw them. */
  redraw(): void {
    segmentation.triggerSegmentationEvents.triggerSegmentationDataModified(this.id)
  }

  /** Planes draw the labels from a volume whose texture misses what is painted while no plane is shown:
   * the next planes get a new one. */
  private dropVolume(): void {
    const data = segmentation.state.getSegmentation(this.id)?.representationData.Labelmap as Held | undefined
    dropVolumes([data?.volumeId, ...Object.values(data?.labelmaps ?? {}).flatMap((layer) => [layer.volumeId, layer.geometryVolumeId])])
  }

  destroy(): void {
    this.attach([])
    // Balls on a stack are painted in a volume of the labels, those with bounds also in one of the images.
    dropVolumes([this.images.map(({ imageId }) => imageId), this.sourceIds].map((ids) => core.cache.generateVolumeId([...ids])))
    segmentation.removeSegmentation(this.id)
    segmentation.segmentationStyle.clearSegmentationStyle(this.id)
    segmentation.state.removeColorLUT(this.palette)
    dropImages(this.images.map(({ imageId }) => imageId))
    releaseMask(this.id)
    forgetStrokes()
  }
}

function dropImages(imageIds: readonly string[]): void {
  for (const imageId of imageIds) {
    if (core.cache.getImageLoadObject(imageId)) core.cache.removeImageLoadObject(imageId, { force: true })
    forgetMade(imageId)
  }
}

/** Cornerstone frees none that it made by itself. */
function dropVolumes(volumeIds: readonly (string | undefined)[]): void {
  for (const volumeId of new Set(volumeIds)) {
    if (volumeId !== undefined && core.cache.getVolumeLoadObject(volumeId)) core.cache.removeVolumeLoadObject(volumeId)
  }
}

function kindOf(view: PaneView): string {
  return view.volumeId ?? STACK
}

function rgba(colour: string): [number, number, number, number] {
  const part = (start: number) => Number.parseInt(colour.slice(start, start + 2), 16)
  return [part(1), part(3), part(5), 255]
}

/** What a labelmap of these frames takes: one byte per pixel. */
export function bytesOf(imageIds: readonly string[]): number {
  return imageIds.reduce((sum, imageId) => {
    const plane = core.metaData.get('imagePlaneModule', imageId) as { rows?: number; columns?: number } | undefined
    return sum + (plane?.rows ?? 0) * (plane?.columns ?? 0)
  }, 0)
}
