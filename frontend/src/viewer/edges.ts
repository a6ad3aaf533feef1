/** The letters at the sides of a pane: where the patient's sides are as it is turned now. */
import { edgeLetters, edgeLettersFromView, type EdgeLetters, type Vector } from './geometry'
import { cross } from './linking'
import type { LoadedSeries } from './loading'
import type { Picture } from './pictures'

export function edgesOf(picture: Picture, { codes }: Pick<LoadedSeries, 'codes'>): EdgeLetters | null {
  const { viewUp, viewPlaneNormal } = picture.viewport.getCamera()
  if (!viewUp || !viewPlaneNormal) return null
  const up = viewUp as Vector
  const right = cross(up, viewPlaneNormal)
  const down: Vector = [-up[0], -up[1], -up[2]]
  if (picture.isPlaced()) return edgeLetters(right, down)
  return codes ? edgeLettersFromView(right, down, codes) : null
}
