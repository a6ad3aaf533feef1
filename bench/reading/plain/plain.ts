/** The least that shows a series with Cornerstone3D: what our reading page is measured against. */
import * as core from '@cornerstonejs/core'
import { init as initLoader } from '@cornerstonejs/dicom-image-loader'
import { utilities as metadata } from '@cornerstonejs/metadata'
import * as tools from '@cornerstonejs/tools'

type Dataset = Record<string, { Value?: unknown[] }>

const element = document.querySelector<HTMLDivElement>('#pane')!
const [series = '', width = '512', height = '512'] = location.hash.slice(1).split('|').map(decodeURIComponent)
Object.assign(element.style, { width: `${width}px`, height: `${height}px` })
const group = () => tools.ToolGroupManager.getToolGroup('plain')!

core.init()
initLoader({ maxWebWorkers: 2 })
tools.init()
tools.addTool(tools.BrushTool)
tools.addTool(tools.StackScrollTool)
const engine = new core.RenderingEngine('plain')
engine.enableElement({ viewportId: 'plain', type: core.Enums.ViewportType.STACK, element })
const viewport = engine.getViewport('plain') as core.Types.IStackViewport
tools.ToolGroupManager.createToolGroup('plain')!.addViewport('plain', 'plain')

/** Metadata, first image, the rest in the background. */
async function open(url: string): Promise<void> {
  const answer = await fetch(`${url}/metadata`, { headers: { Accept: 'application/dicom+json' } })
  const datasets = (await answer.json()) as Dataset[]
  const numbered = datasets.map((d) => ({ d, at: Number(d['00200013']?.Value?.[0] ?? 0) }))
  numbered.sort((a, b) => a.at - b.at)
  const imageIds = numbered.map(({ d }) => {
    const id = `wadors:${url}/instances/${String(d['00080018']?.Value?.[0])}/frames/1`
    metadata.addDicomWebInstance(id, d)
    return id
  })
  await viewport.setStack(imageIds, Math.floor((imageIds.length - 1) / 2))
  viewport.render()
}

async function loadAll(): Promise<number> {
  await Promise.all(viewport.getImageIds().map((id) => core.imageLoader.loadAndCacheImage(id)))
  return viewport.getImageIds().length
}

/** A brush over a label map of every slice. */
async function brush(): Promise<void> {
  const images = core.imageLoader.createAndCacheDerivedLabelmapImages(viewport.getImageIds())
  tools.segmentation.addSegmentations([
    {
      segmentationId: 'plain',
      representation: {
        type: tools.Enums.SegmentationRepresentations.Labelmap,
        data: { imageIds: images.map((image) => image.imageId) },
      },
    },
  ])
  await tools.segmentation.addLabelmapRepresentationToViewport('plain', [{ segmentationId: 'plain' }])
  tools.segmentation.activeSegmentation.setActiveSegmentation('plain', 'plain')
  group().addToolInstance('Paint', tools.BrushTool.toolName, { activeStrategy: 'FILL_INSIDE_CIRCLE' })
  group().setToolActive('Paint', { bindings: [{ mouseButton: tools.Enums.MouseBindings.Primary }] })
  tools.utilities.segmentation.setBrushSizeForToolGroup('plain', 5) // the radius in mm that ours begins with
}

Object.assign(window, {
  plain: { loadAll, brush, go: (index: number) => viewport.setImageIdIndex(index) },
})

void open(series)
