/** Moves a picture under its pane. */
import type * as core from '@cornerstonejs/core'
import type { Viewport } from './pictures'

/** A point that has left the pane comes to its middle; any other stays where it is. */
export function bringIntoView(viewport: Viewport, point: core.Types.Point3): void {
  const { clientWidth, clientHeight } = viewport.element
  const [x, y] = viewport.worldToCanvas(point)
  if (x >= 0 && x <= clientWidth && y >= 0 && y <= clientHeight) return
  const [panX, panY] = viewport.getPan()
  viewport.setPan([panX + clientWidth / 2 - x, panY + clientHeight / 2 - y])
  viewport.render()
}
