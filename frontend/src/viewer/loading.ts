/** Series on their way into Cornerstone: metadata, image ids, volumes, and giving all of it back. */
import * as core from '@cornerstonejs/core'
import { framesOfNext, type AheadFrame, type AheadSeries } from './ahead'
import { frameBytes, isColour, whyNotVolume } from './budget'
import { codesOfDetector } from './detectors'
import {
  askForFrame,
  fetchMetadata,
  firstFrame,
  imageIdsOf,
  imagesOf,
  isAskedFor,
  numbersOf,
  seriesUrl,
  textsOf,
  type DicomJson,
  type ViewerSeries,
  type ViewerStudy,
} from './dicomweb'
import type { Vector } from './geometry'
import type { HangingPlan, PanePlan } from './hanging'
import { heldBytes, holdVolume, releaseVolume } from './held'
import { cross, dot } from './linking'
import { ViewerError, type VolumeNotice } from './messages'
import { forgetMetadata, keepMetadata, keptFacts } from './metadata'
import type { Place } from './types'
import { volumeIdOf } from './volumes'

const LOAD_TIMEOUT_MS = 30_000
const PROGRESSIVE_PIXELS = 3e6
/** That of a volume's own slices. */
const FILL_PRIORITY = 5
const TAGS = { codes: '00200020', rows: '00280010', columns: '00280011' }

/** Where the frames of a series lie; only of series whose frames share one orientation. */
export interface SeriesGeometry {
  frameOfReference: string
  normal: Vector
  /** Of each frame along the normal, in mm. */
  depths: number[]
}

export interface LoadedSeries {
  study: ViewerStudy
  series: ViewerSeries
  imageIds: string[]
  places: Place[]
  frameBytes: number
  isColour: boolean
  /** PatientOrientation (0020,0020) of each image, for those without a place: a series of radiographs has all sides, and
   * an object of nuclear medicine that of each detector. */
  codes: readonly (readonly [string, string] | null)[]
  /** Read from every frame's metadata when it is first asked for: not before the first image. */
  readonly geometry: SeriesGeometry | null
}

/** A dead worker or a lost connection leaves Cornerstone's promises pending for ever. */
export function inTime<T>(work: Promise<T>, what: 'series' | 'image' | 'volume'): Promise<T> {
  let timer: ReturnType<typeof setTimeout>
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ViewerError({ code: 'late', what })), LOAD_TIMEOUT_MS)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

/** The URL of a series is its identity here: projects do not share metadata. */
export class SeriesLoader {
  private readonly loaded = new Map<string, { imageIds: string[]; loading: Promise<LoadedSeries> }>()
  private readonly registered = new Map<string, string[]>()
  /** By volume: how many panes show it. */
  private readonly users = new Map<string, number>()
  /** What was fetched for a case that was to come next. */
  private ahead: ViewerStudy[] = []

  constructor(private readonly root: string) {}

  load(study: ViewerStudy, series: ViewerSeries): Promise<LoadedSeries> {
    const url = seriesUrl(this.root, study, series)
    const imageIds = imageIdsOf(this.root, study, series)
    const known = this.loaded.get(url)
    if (known?.imageIds.join() === imageIds.join()) return known.loading
    if (known) this.forgetSeries(url, known.imageIds) // more of it has come since it was fetched ahead
    const loading = this.fetchSeries(study, series, url, imageIds)
    this.loaded.set(url, { imageIds, loading })
    void loading.catch(() => {
      if (this.isWanted(url, imageIds)) this.loaded.delete(url)
    })
    return loading
  }

  /** Ask for a frame beside the metadata that the viewer needs before it, unless both are on their way. */
  askFor(study: ViewerStudy, series: ViewerSeries, slice: number | null): void {
    const url = seriesUrl(this.root, study, series)
    if (this.registered.has(url) || isAskedFor(url)) return
    askForFrame(firstFrame(this.root, study, series, slice))
  }

  /** Fetch and decode what a case that comes next begins with; returns what its planes need besides. What fails is
   * loaded again, visibly, when it is the case's turn. What was fetched for a case that did not come is given up. */
  async prefetch({ panes }: HangingPlan, open: readonly ViewerStudy[]): Promise<AheadFrame[]> {
    const coming = panes.flatMap((pane) => (pane ? [pane.study] : []))
    const wanted = new Set([...open, ...coming].map((study) => study.study_instance_uid))
    this.ahead.filter((study) => !wanted.has(study.study_instance_uid)).forEach((study) => this.forget(study))
    this.ahead = coming
    const hung = panes.filter((pane) => pane !== null).map((pane) => this.loadAhead(pane).catch(() => null))
    const known = (await Promise.all(hung)).filter((series) => series !== null)
    const { first, rest } = framesOfNext(known, core.cache.getMaxCacheSize(), heldBytes())
    await Promise.allSettled(first.map(async ({ imageId }) => core.imageLoader.loadAndCacheImage(imageId)))
    return rest
  }

  private async loadAhead({ study, series, as }: PanePlan): Promise<AheadSeries> {
    const loaded = await this.load(study, series)
    return { ...loaded, as: this.whyNotVolume(loaded) ? 'stack' : as }
  }

  /** Why a series cannot be a volume now; null where it can. */
  whyNotVolume(loaded: LoadedSeries): VolumeNotice | null {
    const bytes = loaded.frameBytes * loaded.imageIds.length
    const isHeld = this.users.has(this.volumeId(loaded))
    return whyNotVolume({
      series: loaded.series, isColour: loaded.isColour, bytes: isHeld ? 0 : bytes,
      limit: core.cache.getMaxCacheSize(), held: heldBytes(),
    })
  }

  /** How many series and volumes are held, those that were made to paint in included. */
  counts(): { series: number; volumes: number; facts: number } {
    return { series: this.registered.size, volumes: core.cache.getVolumes().length, facts: keptFacts() }
  }

  /** Take a share in the volume of a series; its slices stream in from now on. */
  async takeVolume(loaded: LoadedSeries): Promise<string> {
    const volumeId = this.volumeId(loaded)
    this.users.set(volumeId, (this.users.get(volumeId) ?? 0) + 1)
    holdVolume(volumeId, loaded.frameBytes * loaded.imageIds.length)
    try {
      const work = core.volumeLoader.createAndCacheVolume(volumeId, { imageIds: loaded.imageIds })
      const volume = await inTime(work as Promise<core.Types.IImageVolume>, 'volume')
      volume.load()
    } catch (error) {
      this.releaseVolume(volumeId)
      throw error
    }
    return volumeId
  }

  /** Ask once more for the slices of volumes that failed. */
  fillVolumes(hasFailed: (imageId: string) => boolean): void {
    for (const volumeId of this.users.keys()) fill(core.cache.getVolume(volumeId), hasFailed)
  }

  releaseVolume(volumeId: string): void {
    const users = this.users.get(volumeId)
    if (users === undefined) return
    if (users > 1) {
      this.users.set(volumeId, users - 1)
      return
    }
    this.users.delete(volumeId)
    releaseVolume(volumeId)
    if (!core.cache.getVolumeLoadObject(volumeId)) return
    endWaiting(core.cache.getVolume(volumeId))
    core.cache.removeVolumeLoadObject(volumeId)
  }

  /** Drop the decoded images and the metadata of a study that was handed in. */
  forget(study: ViewerStudy): void {
    for (const series of study.series) this.forgetSeries(seriesUrl(this.root, study, series), imageIdsOf(this.root, study, series))
  }

  private forgetSeries(url: string, imageIds: readonly string[]): void {
    this.loaded.delete(url)
    for (const id of imageIds) {
      if (core.cache.getImageLoadObject(id)) core.cache.removeImageLoadObject(id, { force: true })
    }
    this.registered.get(url)?.forEach(forgetMetadata)
    this.registered.delete(url)
  }

  /** Whether these images of the series are those asked for last, and not forgotten since. */
  private isWanted(url: string, imageIds: readonly string[]): boolean {
    return this.loaded.get(url)?.imageIds === imageIds
  }

  destroy(): void {
    for (const volumeId of [...this.users.keys()]) {
      this.users.set(volumeId, 1)
      this.releaseVolume(volumeId)
    }
    this.registered.forEach((imageIds) => imageIds.forEach(forgetMetadata))
    this.registered.clear()
    this.loaded.clear()
    core.cache.purgeCache()
  }

  private volumeId({ study, series }: LoadedSeries): string {
    return volumeIdOf(seriesUrl(this.root, study, series))
  }

  private async fetchSeries(
    study: ViewerStudy, series: ViewerSeries, url: string, imageIds: string[],
  ): Promise<LoadedSeries> {
    const datasets = await inTime(fetchMetadata(url), 'series')
    if (this.isWanted(url, imageIds)) {
      this.registered.set(url, imageIds)
      for (const { sop_instance_uid } of series.instances) {
        const dataset = datasets.get(sop_instance_uid)
        if (dataset) keepMetadata(`wadors:${url}/instances/${sop_instance_uid}/frames/1`, dataset)
      }
    }
    const first = datasets.get(series.instances[0]?.sop_instance_uid ?? '')
    if (series.is_prepared && isLarge(first)) imageIds.forEach(showProgressively)
    return describe(study, series, imageIds, datasets)
  }
}

function describe(
  study: ViewerStudy, series: ViewerSeries, imageIds: string[], datasets: ReadonlyMap<string, DicomJson>,
): LoadedSeries {
  const places = imagesOf(series)
  const first = datasets.get(places[0]?.sop_instance_uid ?? '')
  let geometry: SeriesGeometry | null | undefined
  return {
    study,
    series,
    imageIds,
    places,
    frameBytes: frameBytes(first),
    isColour: isColour(first),
    codes: places.map(({ sop_instance_uid, frame }) => codesOf(datasets.get(sop_instance_uid), frame)),
    get geometry() {
      if (geometry === undefined) geometry = geometryOf(imageIds)
      return geometry
    },
  }
}

function codesOf(dataset: DicomJson | undefined, frame: number): [string, string] | null {
  const [row, column] = textsOf(dataset, TAGS.codes)
  return codesOfDetector(dataset, frame) ?? (row && column ? [row, column] : null)
}

function geometryOf(imageIds: string[]): SeriesGeometry | null {
  const planes = imageIds.map(planeOf)
  const [first] = planes
  if (!first) return null
  const normal = cross(first.row, first.column)
  const depths: number[] = []
  for (const plane of planes) {
    if (!plane || dot(cross(plane.row, plane.column), normal) < 0.999) return null
    depths.push(dot(plane.position, normal))
  }
  return { frameOfReference: first.frameOfReference, normal, depths }
}

export interface ImagePlane {
  frameOfReference: string
  position: Vector
  row: Vector
  column: Vector
  /** Millimetres from the first pixel's centre to the last one's, along a row and along a column. */
  width: number
  height: number
}

/** Where one frame lies in the patient; null where its metadata does not say. */
export function planeOf(imageId: string): ImagePlane | null {
  const plane = core.metaData.get('imagePlaneModule', imageId) as
    | (core.Types.ImagePlaneModule & { usingDefaultValues?: boolean })
    | undefined
  // Of radiographs Cornerstone makes up a place: it must not link them to one another.
  if (!plane || plane.usingDefaultValues) return null
  return {
    frameOfReference: plane.frameOfReferenceUID,
    position: plane.imagePositionPatient as Vector,
    row: plane.rowCosines as Vector,
    column: plane.columnCosines as Vector,
    width: (plane.columns - 1) * (plane.columnPixelSpacing || 1),
    height: (plane.rows - 1) * (plane.rowPixelSpacing || 1),
  }
}

/** Cornerstone loads a volume once; a slice that failed stays a hole in it. */
function fill(found: core.Types.IImageVolume | undefined, hasFailed: (imageId: string) => boolean): void {
  const volume = found as core.StreamingImageVolume | undefined
  volume?.imageIds.forEach((imageId, index) => {
    if (!hasFailed(imageId) || core.cache.getImageLoadObject(imageId)) return
    const load = async () => {
      await (volume.callLoadImage(imageId, index, volume.getLoaderImageOptions(imageId)) as Promise<void> | undefined)
    }
    core.imageLoadPoolManager.addRequest(load, core.Enums.RequestType.Prefetch, { volumeId: volume.volumeId }, FILL_PRIORITY)
  })
}

/** A volume waits for every slice to enter the cache: for ever, and holding all of itself, where a
 * stack had fetched the slice before. Cornerstone 5.14, BaseStreamingImageVolume.callLoadImage. */
function endWaiting(volume: core.Types.IImageVolume | undefined): void {
  for (const imageId of volume?.imageIds ?? []) {
    const detail = { image: { imageId } }
    core.triggerEvent(core.eventTarget, core.Enums.Events.IMAGE_CACHE_IMAGE_ADDED, detail)
  }
}

/** An image of which a part, at low resolution, is worth showing while the rest arrives. */
function isLarge(dataset: DicomJson | undefined): boolean {
  const [rows = 0] = numbersOf(dataset, TAGS.rows)
  const [columns = 0] = numbersOf(dataset, TAGS.columns)
  return rows * columns > PROGRESSIVE_PIXELS
}

function showProgressively(imageId: string): void {
  core.utilities.imageRetrieveMetadataProvider.add(imageId, {
    stages: [{ id: 'whole', retrieveType: 'single' }],
    retrieveOptions: { single: { streaming: true, initialChunkSize: 65_536, chunkSize: 1_048_576 } },
  })
}
