/** The letters at the sides of a pane: where the patient's sides are as it is turned now. */
import { edgeLetters, edgeLettersFromView, type EdgeLetters, type Vector } from './geometry'
import { cross } from './linking'
import type { Picture } from './pictures'

/** @param codes the image's PatientOrientation, which counts where it has no place in the patient */
export function edgesOf(picture: Picture, codes: readonly [string, string] | null): EdgeLetters | null {
  const { viewUp, viewPlaneNormal } = picture.viewport.getCamera()
  if (!viewUp || !viewPlaneNormal) return null
  const up = viewUp as Vector
  const right = cross(up, viewPlaneNormal)
  const down: Vector = [-up[0], -up[1], -up[2]]
  if (picture.isPlaced()) return edgeLetters(right, down)
  return codes ? edgeLettersFromView(right, down, codes) : null
}
