/** A region as Cornerstone's annotation and back: what its tools draw and let the reader edit. */
import { utilities as coreUtilities } from '@cornerstonejs/core'
import * as tools from '@cornerstonejs/tools'
import { ARROW_TEXT, CORNERSTONE_TOOLS } from '../tools'
import { REGION_KINDS, type Region, type RegionKind } from '../types'
import { type Frame } from './frames'
import {
  heightOver, normalOf, rounded, subtract, toPixel, toWorld, type Point2, type Point3,
} from './geometry'
import { areSame, cornersForTool, cornersOf, isOutline, mayLeaveFrame, thinned } from './shapes'

export type Annotation = tools.Types.Annotation

const KINDS = new Map(REGION_KINDS.map((kind) => [CORNERSTONE_TOOLS[kind], kind]))
const OFF_FRAME_MM = 0.01

export type Geometry = Pick<Region, 'pixels' | 'points'>

export function kindOf(annotation: Annotation): RegionKind | null {
  return KINDS.get(annotation.metadata?.toolName ?? '') ?? null
}

/** Where the annotation lies on the frame. Areas are projected onto it: a plane through the volume
 * may pass between two frames. */
export function geometryOf(annotation: Annotation, kind: RegionKind, frame: Frame): Geometry {
  const world = pointsOf(annotation, kind)
  const pixels = world.map((point) => toPixel(frame.plane, point))
  const order = kind === 'box' ? cornersOf(pixels) : world.map((_, i) => i)
  const ordered = order.flatMap((i) => pixels[i] ?? [])
  return {
    pixels: order.map((i) => rounded(pixels[i] ?? [NaN, NaN])),
    points: frame.isPlaced && ordered.length > 0
      ? order.map((i) => rounded(placed(world[i] ?? [NaN, NaN, NaN], pixels[i] ?? [NaN, NaN], kind, frame)))
      : null,
  }
}

/** A line through several slices keeps its ends; everything else lies on its frame. */
function placed(point: Point3, pixel: Point2, kind: RegionKind, frame: Frame): Point3 {
  return kind === 'length' ? point : toWorld(frame.plane, pixel)
}

export function pointsOf(annotation: Annotation, kind: RegionKind): Point3[] {
  const { contour, handles } = annotation.data
  const points = kind === 'freehand' ? contour?.polyline : handles?.points
  return isOutline(kind) ? thinned(points ?? []) : points ?? []
}

/** Whether the annotation lies elsewhere than its region on this frame; what may leave the frame also in front of it or
 * behind, where its pixels stay the same. */
export function isMoved(annotation: Annotation, region: Region, frame: Frame): boolean {
  if (!areSame(region.kind, region.pixels, geometryOf(annotation, region.kind, frame).pixels)) return true
  if (!mayLeaveFrame(region.kind)) return false
  const heights = worldOf(region, frame).map((point) => heightOver(frame.plane, point))
  return pointsOf(annotation, region.kind).some(
    (point, i) => Math.abs(heightOver(frame.plane, point) - (heights[i] ?? 0)) > OFF_FRAME_MM,
  )
}

/** A new annotation that shows the region on its frame. */
export function annotationOf(region: Region, frame: Frame): Annotation {
  const annotation: Annotation = {
    annotationUID: region.id,
    highlighted: false,
    invalidated: true,
    isLocked: region.is_locked,
    isVisible: !region.is_hidden,
    metadata: { toolName: CORNERSTONE_TOOLS[region.kind] },
    data: {
      label: region.kind === 'arrow' ? ARROW_TEXT : '',
      cachedStats: {},
      handles: { points: [], activeHandleIndex: null, textBox: emptyTextBox() },
      ...(isOutline(region.kind) && { contour: { polyline: [], closed: true } }),
      // The tool makes the spline itself as soon as it draws the annotation.
      ...(region.kind === 'polygon' && { spline: { type: 'LINEAR', resolution: 20 } }),
    },
  }
  if (region.kind === 'arrow' && annotation.data.handles) {
    Object.assign(annotation.data.handles, { arrowFirst: true })
  }
  place(annotation, region, frame)
  return annotation
}

/** Put an annotation that exists where the region lies. */
export function place(annotation: Annotation, region: Region, frame: Frame): void {
  const world = worldOf(region, frame)
  annotation.metadata = { ...referenceOf(region, frame, world), toolName: CORNERSTONE_TOOLS[region.kind] }
  const points = (region.kind === 'box' ? cornersForTool(world) : world).map((p): [number, number, number] => [...p])
  const { data } = annotation
  if (region.kind === 'freehand') {
    data.contour = { ...data.contour, polyline: points, closed: true }
  } else if (data.handles) {
    data.handles.points = points
  }
  data.cachedStats = {}
  annotation.invalidated = true
}

function worldOf(region: Region, frame: Frame): Point3[] {
  if (region.points !== null && frame.isPlaced) return [...region.points]
  return region.pixels.map((pixel) => toWorld(frame.plane, pixel))
}

/** Where the annotation may be seen: on its frame, in planes along it, and, for what has no extent
 * across a plane, in every plane that it lies in. */
function referenceOf(
  region: Region, frame: Frame, world: readonly Point3[],
): Omit<NonNullable<Annotation['metadata']>, 'toolName'> {
  const [start, end] = world
  const normal = normalOf(frame.plane)
  const isOnFrame = world.every((p) => Math.abs(heightOver(frame.plane, p)) < OFF_FRAME_MM)
  const restriction = start && region.kind === 'point' ? { point: vector(start) }
    : start && end && region.kind === 'length'
      ? { point: vector(start), inPlaneVector1: vector(unit(subtract(end, start))) }
      : null
  const frameOfReference = frame.frameOfReference ?? ''
  return {
    FrameOfReferenceUID: frame.frameOfReference as string,
    viewPlaneNormal: vector(normal),
    ...(isOnFrame && {
      referencedImageId: frame.imageId,
      referencedImageURI: coreUtilities.imageIdToURI(frame.imageId),
    }),
    ...(restriction && {
      planeRestriction: { FrameOfReferenceUID: frameOfReference, ...restriction },
    }),
  }
}

function unit(direction: Point3): Point3 {
  const length = Math.hypot(...direction) || 1
  return [direction[0] / length, direction[1] / length, direction[2] / length]
}

function vector(point: Point3): [number, number, number] {
  return [...point]
}

function emptyTextBox() {
  const corner = (): [number, number, number] => [0, 0, 0]
  return {
    hasMoved: false,
    worldPosition: corner(),
    worldBoundingBox: {
      topLeft: corner(), topRight: corner(), bottomLeft: corner(), bottomRight: corner(),
    },
  }
}
