/** Hears of the graphics card: it may drop everything that is shown, and take it again later. */
import * as core from '@cornerstonejs/core'

const { WEBGL_CONTEXT_LOST, WEBGL_CONTEXT_RESTORED } = core.Enums.Events

/** Calls with whether a context was lost or restored, until it is called off. */
export function watchGraphics(heard: (isLost: boolean) => void): () => void {
  const lost = () => heard(true)
  const restored = () => heard(false)
  core.eventTarget.addEventListener(WEBGL_CONTEXT_LOST, lost)
  core.eventTarget.addEventListener(WEBGL_CONTEXT_RESTORED, restored)
  return () => {
    core.eventTarget.removeEventListener(WEBGL_CONTEXT_LOST, lost)
    core.eventTarget.removeEventListener(WEBGL_CONTEXT_RESTORED, restored)
  }
}
