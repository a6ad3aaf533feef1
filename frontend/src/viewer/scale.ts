/** How large the pixels of an image are on the screen. */
import type { Viewport } from './pictures'

/** Pixels of the screen, as the display counts them, for one column of the image; null where none is shown. */
export function scaleOf(viewport: Viewport): number | null {
  const { parallelScale } = viewport.getCamera() // half of the height that is seen, in mm
  const column_mm = viewport.getImageData()?.spacing[0]
  return parallelScale && column_mm ? (viewport.canvas.height / (2 * parallelScale)) * column_mm : null
}
