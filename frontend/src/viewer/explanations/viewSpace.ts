/** Where a map lies in a pane: on the frame of a stack, or in the volume that a plane cuts. */
import type * as core from '@cornerstonejs/core'
import type { Viewport } from '../pictures'
import { frameOf, placeKey, placeOf } from '../regions/frames'
import { areParallel, heightOver, normalOf } from '../regions/geometry'
import type { PaneView } from '../types'
import type { ExplanationMap } from './map'
import { spaceOf, type Anchor, type MapSpace } from './space'

/** By place; a series keeps its list as long as it is shown. */
const idsOfSeries = new WeakMap<readonly string[], ReadonlyMap<string, string>>()

/** Null where the pane shows nothing of the map. */
export function spaceIn(view: PaneView, viewport: Viewport, map: ExplanationMap): MapSpace | null {
  const anchor = view.volumeId === null
    ? anchorInStack(viewport as core.Types.IStackViewport, map)
    : anchorInVolume(view, viewport, map)
  const dimensions = anchor && viewport.getImageData()?.dimensions
  if (!dimensions) return null
  const [columns, rows] = dimensions
  return spaceOf(map, anchor, [columns, rows])
}

/** Whether the pane can be brought to show it: as a stack, or as a plane that may lie in it. */
export function canShow(view: PaneView, viewport: Viewport, map: ExplanationMap): boolean {
  if (view.volumeId !== null) return anchorInVolume(view, viewport, map) !== null
  const ids = idsOf(view.imageIds)
  return map.frames.some((frame) => ids.has(frame))
}

function anchorInStack(viewport: core.Types.IStackViewport, map: ExplanationMap): Anchor | null {
  const imageId = viewport.getCurrentImageId() as string | undefined
  const place = imageId === undefined ? null : placeOf(imageId)
  const slice = place ? map.frames.indexOf(placeKey(place)) : -1
  const frame = slice < 0 || imageId === undefined ? null : frameOf(imageId)
  // A stack shows whole frames, also where these lie nowhere.
  return frame && { plane: frame.plane, slice, step_mm: Infinity }
}

function anchorInVolume({ imageIds }: PaneView, viewport: Viewport, { frames }: ExplanationMap): Anchor | null {
  const ids = idsOf(imageIds)
  const [first, last] = [ids.get(frames[0] ?? ''), ids.get(frames.at(-1) ?? '')]
  const plane = first === undefined ? undefined : frameOf(first)?.plane
  if (first === undefined || last === undefined || !plane) return null
  if (frames.length > 1) {
    const end = frameOf(last)?.plane
    return end ? { plane, slice: 0, step_mm: heightOver(plane, end.position) / (frames.length - 1) } : null
  }
  // What was made of one frame says nothing of the slices around it.
  const { viewPlaneNormal } = viewport.getCamera()
  const at = imageIds.indexOf(first)
  const neighbour = frameOf(imageIds[at + 1] ?? imageIds[at - 1] ?? '')?.plane
  if (!neighbour || !viewPlaneNormal || !areParallel(viewPlaneNormal, normalOf(plane))) return null
  return { plane, slice: 0, step_mm: heightOver(plane, neighbour.position) }
}

function idsOf(imageIds: readonly string[]): ReadonlyMap<string, string> {
  const known = idsOfSeries.get(imageIds)
  if (known) return known
  const found = new Map(imageIds.map((id) => {
    const place = placeOf(id)
    return [place ? placeKey(place) : id, id]
  }))
  idsOfSeries.set(imageIds, found)
  return found
}
