/** Gives the pictures the size of their panes. */
import type * as core from '@cornerstonejs/core'
import type { Pane } from './Pane'
import { fitsCanvas } from './paneElements'

/** Twice: while a picture is being drawn Cornerstone lets the first call fall. It keeps the size
 * of the image in pixels; kept here is its share of the pane. */
export function refitSoon(engine: core.RenderingEngine | null, panes: readonly Pane[], onDone: () => void): void {
  if (!engine || panes.every(({ elements }) => fitsCanvas(elements))) return
  const fit = () => {
    if (engine.hasBeenDestroyed) return
    const zooms = panes.map(({ state }) => state.zoom)
    engine.resize(true, true)
    panes.forEach((pane, number) => pane.setZoom(zooms[number] ?? 1))
  }
  requestAnimationFrame(() => {
    fit()
    requestAnimationFrame(() => {
      fit()
      onDone()
    })
  })
}
