/** Which cut through the label map of a series a pane shows: a slice, a row or a column of voxels. */
import * as core from '@cornerstonejs/core'
import { frameOf, placeKey, placeOf } from '../regions/frames'
import { areParallel, normalOf, toPixel } from '../regions/geometry'
import type { PaneView } from '../types'
import type { Section } from './cuts'
import type { Labelmap } from './Labelmap'

/** What a pane cuts; null where its plane runs askew through the voxels, or beside them. */
export function sectionUnder(view: PaneView, map: Labelmap): Section | null {
  const viewport = core.getRenderingEngine(view.engineId)?.getViewport(view.viewportId)
  const frame = frameOf(view.imageIds[0] ?? '')
  const { focalPoint, viewPlaneNormal } = viewport?.getCamera() ?? {}
  if (!viewport || !frame || !focalPoint || !viewPlaneNormal) return null
  const { plane } = frame
  if (view.volumeId === null || areParallel(viewPlaneNormal, normalOf(plane))) return sliceUnder(viewport, map)
  const [x, y] = toPixel(plane, focalPoint)
  if (areParallel(viewPlaneNormal, plane.column)) return within(map.rows, { of: 'row', index: Math.round(y) })
  if (areParallel(viewPlaneNormal, plane.row)) return within(map.columns, { of: 'column', index: Math.round(x) })
  return null
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
