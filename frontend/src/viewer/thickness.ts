/** Whether a pane shows several slices as one. */
import * as core from '@cornerstonejs/core'
import type { Viewport } from './pictures'
import type { PaneView } from './types'

const ROUNDING_MM = 1e-3

/** What is drawn on such a pane would lie on slices that nobody sees.
 * @param viewport that of the view; without it every slab counts as thick. */
export function isThick({ slab }: Pick<PaneView, 'slab'>, viewport: Pick<Viewport, 'getCamera' | 'getImageData'> | null): boolean {
  if (!slab) return false
  const { direction, spacing } = viewport?.getImageData() ?? {}
  const { viewPlaneNormal } = viewport?.getCamera() ?? {}
  if (slab.mm === null || !direction || !spacing || !viewPlaneNormal) return true
  const slice_mm = core.utilities.getSpacingInNormalDirection({ direction, spacing }, viewPlaneNormal)
  return slab.mm > slice_mm + ROUNDING_MM
}
