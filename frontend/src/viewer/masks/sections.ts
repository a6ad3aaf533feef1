/** What of a label map a pane shows, and where it lies: a cut along a slice, a row or a column of voxels. */
import * as core from '@cornerstonejs/core'
import { frameOf, placeKey, placeOf } from '../regions/frames'
import { areParallel, normalOf, toPixel } from '../regions/geometry'
import type { PaneView } from '../types'
import type { Section } from './cuts'
import type { Labelmap } from './Labelmap'
import { positionsIn, type NoSpace, type Positions } from './positions'
import type { Subject } from './works'

/** A segment of a label map as the pane shows it now. */
export function subjectIn(view: PaneView, map: Labelmap, value: number): Subject {
  return {
    slices: map.slices(), size: map.sizeOf(0), sizes: map.hasOneSize ? null : map.sizes, value,
    section: sectionUnder(view, map), positions: () => positionsOf(view, map),
  }
}

/** Planes have the frames in an order of their own. */
function positionsOf(view: PaneView, map: Labelmap): Positions | NoSpace {
  const planes = new Map(view.imageIds.map((imageId) => {
    const frame = frameOf(imageId)
    return [frame ? placeKey(frame.place) : imageId, frame?.isPlaced ? frame.plane : null] as const
  }))
  return positionsIn(map.places.map((place) => planes.get(place) ?? null), map.sizeOf(0))
}

/** What a pane cuts; null where its plane runs askew through the voxels, or beside them. */
function sectionUnder(view: PaneView, map: Labelmap): Section | null {
  const viewport = core.getRenderingEngine(view.engineId)?.getViewport(view.viewportId)
  const frame = frameOf(view.imageIds[0] ?? '')
  const { focalPoint, viewPlaneNormal } = viewport?.getCamera() ?? {}
  if (!viewport || !frame || !focalPoint || !viewPlaneNormal) return null
  const { plane } = frame
  if (view.volumeId === null || areParallel(viewPlaneNormal, normalOf(plane))) return sliceUnder(viewport, map)
  const [x, y] = toPixel(plane, focalPoint)
  if (areParallel(viewPlaneNormal, plane.column)) return within(map.sizeOf(0).rows, { of: 'row', index: Math.round(y) })
  if (areParallel(viewPlaneNormal, plane.row)) return within(map.sizeOf(0).columns, { of: 'column', index: Math.round(x) })
  return null
}

/** The slice that a pane shows, by its index; null in planes across the slices, and between them. */
export function sliceInView(view: PaneView, map: Labelmap): number | null {
  const section = sectionUnder(view, map)
  return section?.of === 'slice' ? section.index : null
}

/** The place of that slice alone; undefined where there is none. */
export function placesInView(view: PaneView, map: Labelmap): string[] | undefined {
  const place = map.places[sliceInView(view, map) ?? -1]
  return place === undefined ? undefined : [place]
}

function sliceUnder(viewport: core.Types.IViewport, map: Labelmap): Section | null {
  // Stacks and planes along the slices both have one.
  const imageId = (viewport as Partial<core.Types.IStackViewport>).getCurrentImageId?.()
  const place = imageId ? placeOf(imageId) : null
  const index = place ? map.indexOf(placeKey(place)) : undefined
  return index === undefined ? null : { of: 'slice', index }
}

function within(count: number, section: Section): Section | null {
  return section.index >= 0 && section.index < count ? section : null
}
