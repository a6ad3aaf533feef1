/** The frames that the panes show: which instance an image id stands for, and where it lies. */
import * as core from '@cornerstonejs/core'
import type { PaneView, Place } from '../types'
import { toWorld, type ImagePlane, type Point3 } from './geometry'
import { unitOfValues } from '../units'
import type { Values } from './statistics'

export interface Frame {
  imageId: string
  place: Place
  plane: ImagePlane
  /** Whether the plane is a place in the patient, not a stand-in. */
  isPlaced: boolean
  frameOfReference: string | undefined
}

interface PlaneModule {
  rowCosines?: number[] | null
  columnCosines?: number[] | null
  imagePositionPatient?: number[] | null
  rowPixelSpacing?: number | null
  columnPixelSpacing?: number | null
  frameOfReferenceUID?: string
  usingDefaultValues?: boolean
}

interface NaturalInstance {
  ImagePositionPatient?: unknown
  ImageOrientationPatient?: unknown
  PixelSpacing?: unknown
  Units?: unknown
}

export function placeKey({ sop_instance_uid, frame }: Place): string {
  return `${sop_instance_uid}:${frame}`
}

export function placeOfKey(key: string): Place {
  const [sop_instance_uid = '', frame = '1'] = key.split(':')
  return { sop_instance_uid, frame: Number(frame) }
}

/** Image ids end in …/instances/<SOP Instance UID>/frames/<number>, both kinds of ours. */
export function placeOf(imageId: string): Place | null {
  const match = /\/instances\/([^/]+)\/frames\/(\d+)/.exec(imageId)
  return match ? { sop_instance_uid: match[1] ?? '', frame: Number(match[2]) } : null
}

/** Every frame of the series that are shown, by its place. */
export function framesOf(views: readonly PaneView[]): Map<string, Frame> {
  const frames = new Map<string, Frame>()
  for (const imageId of new Set(views.flatMap((view) => view.imageIds))) {
    const frame = frameOf(imageId)
    if (frame) frames.set(placeKey(frame.place), frame)
  }
  return frames
}

/** The frame that each place lies on, of those that the panes show; reads the headers of these alone. */
export function framesAt<T extends Place>(places: readonly T[], views: readonly Pick<PaneView, 'imageIds'>[]): Map<T, Frame> {
  return new Map([...imagesOf(places, views)].flatMap(([place, imageId]) => {
    const frame = frameOf(imageId)
    return frame ? [[place, frame] as const] : []
  }))
}

/** The image that each place lies on, of those that the panes show; without reading a single header. */
export function imagesOf<T extends Place>(places: readonly T[], views: readonly Pick<PaneView, 'imageIds'>[]): Map<T, string> {
  if (places.length === 0) return new Map()
  const ids = new Map<string, string>()
  for (const imageId of views.flatMap((view) => view.imageIds)) {
    const place = placeOf(imageId)
    if (place) ids.set(placeKey(place), imageId)
  }
  return new Map(places.flatMap((place) => {
    const imageId = ids.get(placeKey(place))
    return imageId === undefined ? [] : [[place, imageId] as const]
  }))
}

export function frameOf(imageId: string): Frame | null {
  const place = placeOf(imageId)
  const module = core.metaData.get('imagePlaneModule', imageId) as PlaneModule | undefined
  if (!place || !module) return null
  // Fields of a natural instance are inherited: read by name, never spread.
  const instance = core.metaData.get('instance', imageId) as NaturalInstance | undefined
  const isPlaced = module.usingDefaultValues === false
    || Boolean(instance?.ImagePositionPatient && instance.ImageOrientationPatient && instance.PixelSpacing)
  return { imageId, place, plane: planeOf(module), isPlaced, frameOfReference: module.frameOfReferenceUID }
}

/** A pixel's centre in the patient. */
export function pointOn(imageId: string, pixel: readonly [number, number]): Point3 | null {
  const frame = frameOf(imageId)
  return frame && toWorld(frame.plane, pixel)
}

/** As Cornerstone's viewports lay the image out, with the same stand-ins for what is missing. */
function planeOf(module: PlaneModule): ImagePlane {
  return {
    position: vector(module.imagePositionPatient, [0, 0, 0]),
    row: vector(module.rowCosines, [1, 0, 0]),
    column: vector(module.columnCosines, [0, 1, 0]),
    spacing_mm: [module.columnPixelSpacing || 1, module.rowPixelSpacing || 1],
  }
}

function vector(values: number[] | null | undefined, standIn: Point3): Point3 {
  const [x, y, z] = values ?? []
  return x === undefined || y === undefined || z === undefined ? standIn : [x, y, z]
}

/** The decoded values of a frame, not copied; null where it is not loaded or coloured. */
export function valuesOf(imageId: string): Values | null {
  const image = core.cache.getImage(imageId)
  const { suvbw } = (image?.preScale?.scalingParameters ?? {}) as { suvbw?: number }
  return image ? valuesIn(image, unitOf(imageId, typeof suvbw === 'number')) : null
}

type Decoded = Pick<core.Types.IImage, 'rows' | 'columns' | 'numberOfComponents' | 'color' | 'slope' | 'intercept' | 'preScale' | 'getPixelData'>

export function valuesIn(image: Decoded, unit: string): Values | null {
  const { rows, columns } = image
  if (image.numberOfComponents > 1 || image.color) return null
  const rescale = image.preScale?.scaled
    ? { slope: 1, intercept: 0 }
    : { slope: image.slope || 1, intercept: image.intercept || 0 }
  return { rows, columns, data: image.getPixelData(), ...rescale, unit }
}

function unitOf(imageId: string, isSuv: boolean): string {
  const series = core.metaData.get('generalSeriesModule', imageId) as { modality?: string } | undefined
  const lut = core.metaData.get('modalityLutModule', imageId) as { rescaleType?: string } | undefined
  const instance = core.metaData.get('instance', imageId) as NaturalInstance | undefined
  const units = typeof instance?.Units === 'string' ? instance.Units : undefined
  return unitOfValues({ modality: series?.modality, rescaleType: lut?.rescaleType, units, isSuv })
}
