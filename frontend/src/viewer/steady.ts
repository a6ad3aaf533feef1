/** A plane stays where it is while something is laid over it. */
import type { Types } from '@cornerstonejs/core'

/** Cornerstone goes back to a slice by its number, which counts the other way round in a mirrored view. */
export function holdStill(viewport: Types.IVolumeViewport): void {
  const add = viewport.addActors.bind(viewport)
  viewport.addActors = (actors, options) => {
    const camera = options?.resetCamera ? null : viewport.getCamera()
    add(actors, options)
    if (camera) viewport.setCamera(camera)
  }
}
