/** The layers of regions and masks on real viewports, with a document in the middle and no server:
 * what tests/e2e/test_drawing.py drives. */
import * as core from '@cornerstonejs/core'
import { init as initLoader } from '@cornerstonejs/dicom-image-loader'
import * as tools from '@cornerstonejs/tools'
import { drawnMasks, type Content } from '../../src/labeling/content'
import { Draft } from '../../src/labeling/Draft'
import * as edits from '../../src/labeling/edits'
import { unpack, type Bytes } from '../../src/labeling/sliceFormat'
import { MaskEditor } from '../../src/viewer/masks/MaskEditor'
import { RegionLayer } from '../../src/viewer/regions/RegionLayer'
import { turned } from '../../src/viewer/linking'
import { answerForMetadata, keptFacts } from '../../src/viewer/metadata'
import { holdStill } from '../../src/viewer/steady'
import { moveLeftButton, registerTools, toolGroup } from '../../src/viewer/tools'
import type { PaneHost, PaneView, Presentation, ToolName } from '../../src/viewer/types'
import { COLUMNS, IMAGE_IDS, registerPhantom, ROWS, SERIES } from './phantom'

const ENGINE = 'harness'
const VOLUME = 'cornerstoneStreamingImageVolume:phantom'
const log: string[] = []
const statistics = new Map<string, unknown>()
const server = new Map<string, Bytes>()
let saved: Content | null = null
let version = 1
let selected: string | null = null
let owner = 'one case'
/** Reading of stored slices waits for this. */
let mayRead: Promise<void> = Promise.resolve()
let letRead: () => void = () => undefined

const draft = new Draft('harness', version, null, {
  channel: null,
  journal: {
    isSafe: true, write: () => undefined, inherit: () => undefined, settled: () => Promise.resolve(), read: () => Promise.resolve(null),
    clear: () => Promise.resolve(), drop: () => Promise.resolve(),
  },
  requests: {
    saveDraft: (_, __, content) => {
      saved = content
      return Promise.resolve(++version)
    },
    uploadMasks: (_, body) => {
      for (const [sha256, bytes] of unpack(body)) server.set(sha256, bytes)
      return Promise.resolve()
    },
    loadMasks: () => Promise.reject(new Error('nothing was saved before')),
  },
  onState: (state) => log.push(`save ${state.kind}`),
  onKept: () => undefined,
  onTaking: () => undefined,
  onTrouble: (error) => log.push(`trouble ${String(error)}`),
})

class Panes implements PaneHost {
  readonly state: { active: number; tool: ToolName } = { active: 0, tool: 'window' }
  private readonly listeners = new Set<() => void>()
  private shown: PaneView[] = []

  views(): readonly PaneView[] {
    return this.shown
  }

  onViews(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  show(views: PaneView[]): void {
    this.shown = views
    for (const listener of this.listeners) listener()
  }
}

const host = new Panes()
const colours = (label: string) => (label === 'nodule' ? '#e69f00' : '#56b4e9')
const SEGMENTS = [
  { value: 1, layer: 0, colour: '#e69f00', opacity: 0.5, isHidden: false, isLocked: false },
  { value: 2, layer: 0, colour: '#56b4e9', opacity: 0.5, isHidden: false, isLocked: false },
]

function view(id: string, as: Presentation): PaneView {
  const element = document.querySelector<HTMLDivElement>(`#${id}`)
  if (!element) throw new Error(id)
  const series = {
    series_instance_uid: SERIES, modality: 'CT', series_description: '', not_a_volume: null, is_prepared: true,
    instances: [],
  }
  return {
    pane: 0, viewportId: id, engineId: ENGINE, element, study: { study_instance_uid: '1', series: [series] },
    series, isPrior: false, isUnseen: false, as, imageIds: IMAGE_IDS, volumeId: as === 'stack' ? null : VOLUME, slab: null,
  }
}

let inHand: ToolName | null = null
function take(tool: ToolName): void {
  moveLeftButton(inHand, tool)
  inHand = tool
  host.state.tool = tool
}

async function start(): Promise<void> {
  core.init()
  initLoader({ maxWebWorkers: 1 })
  answerForMetadata()
  tools.init()
  registerPhantom()
  registerTools()
  take('window')
  const { STACK, ORTHOGRAPHIC } = core.Enums.ViewportType
  const { AXIAL, SAGITTAL } = core.Enums.OrientationAxis
  const views = [view('stack', 'stack'), view('twin', 'stack'), view('axial', 'axial'), view('sagittal', 'sagittal')]
  const engine = new core.RenderingEngine(ENGINE)
  engine.setViewports(views.map(({ viewportId, element, as }) => ({
    viewportId, element, type: as === 'stack' ? STACK : ORTHOGRAPHIC,
    ...(as !== 'stack' && { defaultOptions: { orientation: as === 'axial' ? AXIAL : SAGITTAL } }),
  })))
  for (const { viewportId } of views) toolGroup().addViewport(viewportId, ENGINE)
  for (const id of ['stack', 'twin']) await engine.getViewport<core.Types.IStackViewport>(id).setStack(IMAGE_IDS, 5)
  await Promise.all(IMAGE_IDS.map((id) => core.imageLoader.loadAndCacheImage(id)))
  const volume = await core.volumeLoader.createAndCacheVolume(VOLUME, { imageIds: IMAGE_IDS })
  volume.load()
  for (const id of ['axial', 'sagittal']) holdStill(engine.getViewport<core.Types.IVolumeViewport>(id))
  await core.setVolumesForViewports(engine, [{ volumeId: VOLUME }], ['axial', 'sagittal'])
  engine.render()
  host.show(views)
}

const regions = new RegionLayer(host, {
  onDrawn: (region) => draft.edit('draw', edits.addRegion(region)),
  onChanged: (region) => draft.edit('move', edits.moveRegion(region)),
  onSelected: (id) => {
    selected = id
  },
  statisticsChanged: (id, measured) => statistics.set(id, measured),
  onRefused: (reason) => log.push(`region refused: ${reason}`),
})
const masks = new MaskEditor(host, {
  owner: () => owner,
  onStroke: (change, action) => {
    log.push(`stroke on ${change.slices.size}`)
    return draft.paint(change, action)
  },
  onRefused: (refusal) => log.push(`mask refused: ${typeof refusal === 'string' ? refusal : refusal.reason}`),
})

const reconcile = (content: Content): void => {
  regions.reconcile(content.regions ?? [], colours, selected)
  void masks.reconcile(drawnMasks(content), async (sha256) => {
    await mayRead
    return draft.masks.read(sha256)
  })
}
draft.document.subscribe(reconcile)

/** Labels of the picture itself, as Cornerstone draws it, by place. */
function labelmap(): Record<string, Record<number, number>> {
  const counts: Record<string, Record<number, number>> = {}
  const data = tools.segmentation.state.getSegmentation(`mask:0:${SERIES}`)?.representationData.Labelmap
  for (const id of data && 'imageIds' in data ? data.imageIds : []) {
    const image = core.cache.getImage(id)
    if (!image) continue
    const place = image.referencedImageId ?? ''
    for (const label of image.getPixelData()) {
      if (label) (counts[place] ??= {})[label] = (counts[place][label] ?? 0) + 1
    }
  }
  return counts
}

function count(labels: Uint8Array): Record<number, number> {
  const counts: Record<number, number> = {}
  for (const label of labels) if (label) counts[label] = (counts[label] ?? 0) + 1
  return counts
}

const harness = {
  ready: false, log, draft, regions, masks, edits, take, labelmap, segments: SEGMENTS, statistics,
  content: () => draft.document.content,
  saved: () => saved,
  selected: () => selected,
  open: (name: string) => {
    owner = name
  },
  reconcile: () => reconcile(draft.document.content),
  holdReads: () => {
    mayRead = new Promise((resolve) => {
      letRead = resolve
    })
  },
  letRead: () => letRead(),
  /** Where a point in the patient is on the page. */
  onPage: (id: string, world: core.Types.Point3) => {
    const viewport = core.getRenderingEngine(ENGINE)?.getViewport(id)
    const box = document.querySelector(`#${id}`)?.getBoundingClientRect()
    const [x, y] = viewport?.worldToCanvas(world) ?? [NaN, NaN]
    return [x + (box?.x ?? 0), y + (box?.y ?? 0)]
  },
  /** The point in the patient under a place of the page. */
  inPatient: (id: string, [x, y]: core.Types.Point2) => {
    const viewport = core.getRenderingEngine(ENGINE)?.getViewport(id)
    const box = document.querySelector(`#${id}`)?.getBoundingClientRect()
    return [...viewport?.canvasToWorld([x - (box?.x ?? 0), y - (box?.y ?? 0)]) ?? []]
  },
  slice: async (id: string, index: number) => {
    await (core.getRenderingEngine(ENGINE)?.getViewport(id) as core.Types.IStackViewport).setImageIdIndex(index)
  },
  /** Mirror a pane and turn it a quarter, as `Pane.flip` and `Pane.rotate` do. */
  turn: (id: string) => {
    const viewport = core.getRenderingEngine(ENGINE)?.getViewport(id)
    const { flip } = viewport as unknown as { flip: (how: core.Types.FlipDirection) => void }
    flip.call(viewport, { flipHorizontal: true })
    const { viewUp, viewPlaneNormal } = viewport?.getCamera() ?? {}
    if (viewport && viewUp && viewPlaneNormal) viewport.setCamera({ viewUp: turned(viewUp, viewPlaneNormal, 90) })
    viewport?.render()
  },
  painted: async () => {
    const found: Record<string, Record<number, number>> = {}
    for (const mask of drawnMasks(draft.document.content)) {
      for (const [place, sha256] of Object.entries(mask.slices)) found[place] = count(await draft.masks.read(sha256))
    }
    return found
  },
  /** The labels of the content, slice by slice in base64. */
  voxels: async () => {
    const slices: Uint8Array[] = IMAGE_IDS.map(() => new Uint8Array(ROWS * COLUMNS))
    for (const mask of drawnMasks(draft.document.content)) {
      for (const [place, sha256] of Object.entries(mask.slices)) {
        slices[IMAGE_IDS.findIndex((id) => id.includes(`/${place.replace(':', '/frames/')}`))] = await draft.masks.read(sha256)
      }
    }
    return slices.map((labels) => btoa(String.fromCharCode(...labels)))
  },
  isSentWithBytes: () => saved !== null
    && drawnMasks(saved).every((mask) => Object.values(mask.slices).every((sha256) => server.has(sha256))),
  /** A full cache makes room as it does for the images of a long series. */
  makeRoom: () => core.cache.decacheIfNecessaryUntilBytesAvailable(core.cache.getMaxCacheSize()),
  annotations: () => tools.annotation.state.getAllAnnotations().length,
  destroy: () => {
    regions.destroy()
    masks.destroy()
    const styles = Object.keys(tools.annotation.config.style.config.annotations ?? {}).length
    const annotations = tools.annotation.state.getAllAnnotations().length
    const volumes = core.cache.getVolumes().map(({ volumeId }) => volumeId)
    return { annotations, styles, facts: keptFacts(), labelmap: labelmap(), volumes }
  },
}
declare global {
  interface Window {
    harness: typeof harness
  }
}
window.harness = harness
void start().then(() => {
  masks.setAppearance(SEGMENTS, false)
  reconcile(draft.document.content)
  harness.ready = true
})
