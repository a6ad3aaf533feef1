/** Values of pixels as they are shown, enough of them to choose a window. */
import * as core from '@cornerstonejs/core'
import type { Picture, Viewport } from './pictures'
import type { Window } from './presets'

const MAX_SAMPLES = 50_000
const GRID = 64

type Scalars = ArrayLike<number>

/** Of the whole frame, or of the whole volume where a plane cuts across frames. */
export function valuesOf(picture: Picture): number[] {
  const image = core.cache.getImage(picture.imageId() ?? '')
  if (image) return strided(image.getPixelData() as Scalars).map((value) => rescaled(image, value))
  const voxels = gridOf(picture.viewport)?.voxelManager
  if (!voxels) return []
  const length = voxels.getScalarDataLength()
  const step = Math.max(1, Math.floor(length / MAX_SAMPLES))
  const values: number[] = []
  for (let at = 0; at < length; at += step) values.push(numberOf(voxels.getAtIndex(at)))
  return values.filter(Number.isFinite)
}

/** Of a rectangle of the canvas, whatever way the picture lies in it. */
export function valuesWithin(
  viewport: Viewport, from: readonly [number, number], to: readonly [number, number],
): number[] {
  const data = gridOf(viewport)
  if (!data) return []
  const { imageData, voxelManager, dimensions } = data
  const values: number[] = []
  for (let at = 0; at < GRID * GRID; at++) {
    const x = from[0] + ((to[0] - from[0]) * ((at % GRID) + 0.5)) / GRID
    const y = from[1] + ((to[1] - from[1]) * (Math.floor(at / GRID) + 0.5)) / GRID
    const index: core.Types.Point3 = core.utilities.transformWorldToIndex(imageData, viewport.canvasToWorld([x, y])) as core.Types.Point3
    if (!core.utilities.indexWithinDimensions(index, dimensions)) continue
    const [i, j, k] = index
    values.push(numberOf(voxelManager.getAtIJK(i, j, k)))
  }
  return values.filter(Number.isFinite)
}

/** The windows that a frame brings along, the preferred one first, in the unit in which it is shown. */
export function storedWindows(imageId: string): Window[] {
  const voi = core.metaData.get('voiLutModule', imageId) as
    | { windowCenter?: number | number[]; windowWidth?: number | number[]; voiLUTFunction?: string | string[] }
    | undefined
  const centers = [voi?.windowCenter ?? []].flat().map(Number)
  const widths = [voi?.windowWidth ?? []].flat().map(Number)
  const factor = suvFactor(imageId)
  // Of SUV the header counts in other units.
  const rule = [voi?.voiLUTFunction].flat()[0] === 'LINEAR_EXACT' || factor !== 1 ? 'LINEAR_EXACT' : 'LINEAR'
  return centers.flatMap((center, index) => {
    const width = widths[index] ?? 0
    return Number.isFinite(center) && width > 0 ? [{ center: center * factor, width: width * factor, rule } as const] : []
  })
}

/** Whether the voxels of a series are SUV, of which Cornerstone's planes know only the windows in Bq/ml. */
export function isInSuv({ series, imageIds }: { series: { modality: string }; imageIds: readonly string[] }): boolean {
  return series.modality === 'PT' && suvFactor(imageIds[Math.floor(imageIds.length / 2)] ?? '') !== 1
}

/** What the loader multiplies the activity (Bq/ml) of a PET image by, beyond the rescaling of its header; 1 for all others. */
function suvFactor(imageId: string): number {
  const image = core.cache.getImage(imageId)
  const toBeApplied = core.metaData.get('scalingModule', imageId) as { suvbw?: number } | undefined
  const { suvbw } = (image ? image.preScale?.scalingParameters : toBeApplied) ?? {}
  return typeof suvbw === 'number' && Number.isFinite(suvbw) ? suvbw : 1
}

/** Not a number where the slice is not loaded: 0 is a value like any other. */
function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : NaN
}

type Grid = Required<Pick<core.Types.IImageData, 'imageData' | 'voxelManager' | 'dimensions'>>

/** The voxels behind a viewport; null where nothing is shown or a processor without GPU draws. */
export function gridOf(viewport: Viewport): Grid | null {
  const data = viewport.getImageData() as Partial<Grid> | undefined
  const { imageData, voxelManager, dimensions } = data ?? {}
  return imageData && voxelManager && dimensions ? { imageData, voxelManager, dimensions } : null
}

function strided(data: Scalars): number[] {
  const step = Math.max(1, Math.floor(data.length / MAX_SAMPLES))
  const values: number[] = []
  for (let at = 0; at < data.length; at += step) values.push(Number(data[at]))
  return values
}

/** Most frames are rescaled as they are decoded; where not, the window still counts in units. */
function rescaled(image: core.Types.IImage, value: number): number {
  return image.preScale?.scaled ? value : value * image.slope + image.intercept
}
