/** One viewport that shows a series as a stack; owns Cornerstone3D, knows nothing of React. */
import * as core from '@cornerstonejs/core'
import { utilities as metadata } from '@cornerstonejs/metadata'
import {
  fetchMetadata,
  imageIdsOf,
  numbersOf,
  seriesUrl,
  textsOf,
  type DicomJson,
  type ViewerSeries,
  type ViewerStudy,
} from './dicomweb'
import { edgeLetters, edgeLettersFromCodes, type EdgeLetters, type Vector } from './geometry'
import { startCornerstone, toolGroup } from './setup'

const ENGINE = 'firstread'
const VIEWPORT = 'stack'
const LOAD_TIMEOUT_MS = 30_000
const PREFETCHED_IMAGES = 1
/** Cornerstone keeps metadata for the life of the page; adding it twice is an error there. */
const registered = new Set<string>()
const PROGRESSIVE_PIXELS = 3e6
const TAGS = {
  orientation: '00200037', codes: '00200020', rows: '00280010', columns: '00280011',
}

export interface ViewerState {
  status: 'empty' | 'loading' | 'shown' | 'failed'
  message: string
  slice: number
  slices: number
  center: number
  width: number
  zoom: number
  edges: EdgeLetters | null
}

interface LoadedSeries {
  imageIds: string[]
  first: DicomJson | undefined
}

export const EMPTY_STATE: ViewerState = {
  status: 'empty', message: '', slice: 0, slices: 0, center: 0, width: 0, zoom: 1, edges: null,
}

/** A dead worker or a lost connection leaves Cornerstone's promises pending for ever. */
function inTime<T>(work: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout>
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took too long.`)), LOAD_TIMEOUT_MS)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

export class StackViewer {
  private state = EMPTY_STATE
  private readonly listeners = new Set<(state: ViewerState) => void>()
  private readonly loaded = new Map<string, Promise<LoadedSeries>>()
  private engine: core.RenderingEngine | null = null
  private shows = 0
  private readonly resize = new ResizeObserver(() => this.engine?.resize(true, true))

  constructor(private readonly root: string, private readonly element: HTMLDivElement) {}

  async start(): Promise<void> {
    await startCornerstone()
    this.element.oncontextmenu = (event) => event.preventDefault()
    this.engine = new core.RenderingEngine(ENGINE)
    this.engine.enableElement({
      viewportId: VIEWPORT, type: core.Enums.ViewportType.STACK, element: this.element,
    })
    toolGroup().addViewport(VIEWPORT, ENGINE)
    const events = core.Enums.Events
    for (const name of [events.STACK_NEW_IMAGE, events.VOI_MODIFIED, events.CAMERA_MODIFIED]) {
      this.element.addEventListener(name, this.refresh)
    }
    this.resize.observe(this.element)
  }

  subscribe(listener: (state: ViewerState) => void): () => void {
    this.listeners.add(listener)
    listener(this.state)
    return () => this.listeners.delete(listener)
  }

  /** Show a series from its middle (one image: the image). A later call wins over a slower one. */
  async show(study: ViewerStudy, series: ViewerSeries): Promise<void> {
    const turn = ++this.shows
    this.change({ ...EMPTY_STATE, status: 'loading' })
    try {
      const { imageIds, first } = await this.load(study, series)
      const viewport = this.viewport()
      if (!viewport || turn !== this.shows) return
      const start = Math.floor((imageIds.length - 1) / 2)
      await inTime(viewport.setStack(imageIds, start), 'Loading the image')
      if (turn !== this.shows) return
      viewport.resetCamera()
      viewport.render()
      this.change({ status: 'shown', edges: edgesOf(first), slices: imageIds.length })
      this.refresh()
    } catch (error) {
      if (turn === this.shows) this.change({ status: 'failed', message: messageOf(error) })
    }
  }

  clear(): void {
    this.shows++
    this.change(EMPTY_STATE)
  }

  /** Fetch and decode the first images of a study that comes next. */
  async prefetch(study: ViewerStudy): Promise<void> {
    const series = study.series[0]
    if (!series) return
    try {
      const { imageIds } = await this.load(study, series)
      const middle = Math.floor((imageIds.length - 1) / 2)
      const wanted = imageIds.slice(middle, middle + PREFETCHED_IMAGES)
      await Promise.all(wanted.map((id) => core.imageLoader.loadAndCacheImage(id)))
    } catch {
      // The case loads again, visibly, when it is its turn.
    }
  }

  scroll(by: number): void {
    const viewport = this.viewport()
    if (!viewport || this.state.status !== 'shown') return
    const wanted = Math.min(Math.max(viewport.getCurrentImageIdIndex() + by, 0), this.state.slices - 1)
    void viewport.setImageIdIndex(wanted)
  }

  invert(): void {
    const viewport = this.viewport()
    if (!viewport) return
    viewport.setProperties({ invert: !viewport.getProperties().invert })
    viewport.render()
  }

  zoom(factor: number): void {
    const viewport = this.viewport()
    if (!viewport) return
    viewport.setZoom(viewport.getZoom() * factor)
    viewport.render()
  }

  reset(): void {
    const viewport = this.viewport()
    if (!viewport) return
    viewport.resetProperties()
    viewport.resetCamera()
    viewport.render()
  }

  /** Free everything that was taken, so that cases can be opened all day. */
  destroy(): void {
    this.shows++
    this.resize.disconnect()
    this.listeners.clear()
    if (this.engine) toolGroup().removeViewports(ENGINE, VIEWPORT)
    this.engine?.destroy()
    this.engine = null
    this.loaded.clear()
    core.cache.purgeCache()
  }

  /** Drop the decoded images of a study that was handed in. */
  forget(study: ViewerStudy): void {
    for (const series of study.series) {
      this.loaded.delete(seriesUrl(this.root, study, series))
      for (const id of imageIdsOf(this.root, study, series)) {
        if (core.cache.getImageLoadObject(id)) core.cache.removeImageLoadObject(id, { force: true })
      }
    }
  }

  private load(study: ViewerStudy, series: ViewerSeries): Promise<LoadedSeries> {
    const url = seriesUrl(this.root, study, series)
    const known = this.loaded.get(url)
    if (known) return known
    const loading = this.fetchSeries(study, series, url)
    this.loaded.set(url, loading)
    void loading.catch(() => this.loaded.delete(url))
    return loading
  }

  private async fetchSeries(
    study: ViewerStudy, series: ViewerSeries, url: string,
  ): Promise<LoadedSeries> {
    const datasets = await inTime(fetchMetadata(url), 'Loading the series')
    const added = series.instances.map(({ sop_instance_uid }): Promise<unknown> => {
      const dataset = datasets.get(sop_instance_uid)
      const firstFrame = `wadors:${url}/instances/${sop_instance_uid}/frames/1`
      const isNew = dataset && !registered.has(firstFrame)
      registered.add(firstFrame)
      return isNew ? metadata.addDicomWebInstance(firstFrame, dataset) : Promise.resolve()
    })
    await Promise.all(added)
    const imageIds = imageIdsOf(this.root, study, series)
    const first = series.instances[0]
    const isSlow = isLarge(first && datasets.get(first.sop_instance_uid))
    if (series.is_prepared && isSlow) imageIds.forEach(showProgressively)
    return {
      imageIds,
      first: first && datasets.get(first.sop_instance_uid),
    }
  }

  private viewport(): core.Types.IStackViewport | null {
    return (this.engine?.getViewport(VIEWPORT)) ?? null
  }

  private readonly refresh = (): void => {
    const viewport = this.viewport()
    if (!viewport || this.state.status !== 'shown') return
    const range = viewport.getProperties().voiRange
    this.change({
      slice: viewport.getCurrentImageIdIndex() + 1,
      zoom: viewport.getZoom(),
      ...(range && {
        center: (range.lower + range.upper) / 2,
        width: range.upper - range.lower,
      }),
    })
  }

  private change(part: Partial<ViewerState>): void {
    this.state = { ...this.state, ...part }
    for (const listener of this.listeners) listener(this.state)
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

function edgesOf(dataset: DicomJson | undefined): EdgeLetters | null {
  const cosines = numbersOf(dataset, TAGS.orientation)
  if (cosines.length === 6 && cosines.every(Number.isFinite)) {
    return edgeLetters(cosines.slice(0, 3) as unknown as Vector, cosines.slice(3) as unknown as Vector)
  }
  const [row, column] = textsOf(dataset, TAGS.codes)
  return row && column ? edgeLettersFromCodes(row, column) : null
}

function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message
  const inner = (error as { error?: { message?: string } } | null)?.error?.message
  return inner ?? 'The image cannot be shown.'
}
