/** Keeps the hand from drawing and painting where it must not: on earlier studies, which belong to reads of their own,
 * and on an image that is not on the screen yet, or failed. */
import { MASK_TOOLS, REGION_KINDS, type PaneHost, type ToolName } from './types'

export interface Tooled extends PaneHost {
  readonly state: PaneHost['state'] & { readonly tool: ToolName }
}

const DOWN = ['mousedown', 'touchstart']
const DRAWING: readonly ToolName[] = [...REGION_KINDS, ...MASK_TOOLS]

/** Why the hand is kept away. */
export type Guarded = 'prior_study' | 'unseen'

/** Until it is called off, strokes that begin there go no further than the window. */
export function guardStrokes(host: Tooled, onRefused: (reason: Guarded) => void): () => void {
  const guard = (event: Event): void => {
    if (!isStroke(event)) return
    const { target } = event
    const view = host.views().find(({ element }) => target instanceof Node && element.contains(target))
    const isDrawing = DRAWING.includes(host.state.tool)
    // Every tool takes hold of the regions of the image that is named.
    const reason = view?.isUnseen ? 'unseen' : view?.isPrior && isDrawing ? 'prior_study' : null
    if (reason === null) return
    event.stopImmediatePropagation()
    if (isDrawing) onRefused(reason)
  }
  for (const name of DOWN) window.addEventListener(name, guard, true)
  return () => {
    for (const name of DOWN) window.removeEventListener(name, guard, true)
  }
}

/** The left button without Shift, or a finger: all others hold tools that only look. */
function isStroke(event: Event): boolean {
  return !(event instanceof MouseEvent) || (event.button === 0 && !event.shiftKey)
}
