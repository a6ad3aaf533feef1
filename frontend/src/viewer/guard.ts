/** Keeps the hand from drawing and painting where it must not: on earlier studies, which belong to reads of their own, on
 * an image that is not on the screen yet, or failed, and on a thick slab. */
import { viewportOf } from './PaneDrawings'
import { isThick } from './thickness'
import { MASK_TOOLS, REGION_KINDS, type PaneHost, type PaneView, type ToolName } from './types'

export interface Tooled extends PaneHost {
  readonly state: PaneHost['state'] & { readonly tool: ToolName }
}

const DOWN = ['mousedown', 'touchstart']
const DRAWING: readonly ToolName[] = [...REGION_KINDS, ...MASK_TOOLS]

/** Why the hand is kept away. */
export type Guarded = 'prior_study' | 'unseen' | 'slab'

/** Until it is called off, strokes that begin there go no further than the window. */
export function guardStrokes(host: Tooled, onRefused: (reason: Guarded) => void): () => void {
  const guard = (event: Event): void => {
    if (!isStroke(event)) return
    const { target } = event
    const view = host.views().find(({ element }) => target instanceof Node && element.contains(target))
    const reason = view ? whyNot(view, host.state.tool) : null
    if (reason === null) return
    event.stopImmediatePropagation()
    if (DRAWING.includes(host.state.tool)) onRefused(reason)
  }
  for (const name of DOWN) window.addEventListener(name, guard, true)
  return () => {
    for (const name of DOWN) window.removeEventListener(name, guard, true)
  }
}

function whyNot(view: PaneView, tool: ToolName): Guarded | null {
  // Every tool takes hold of the regions of the image that is named.
  if (view.isUnseen) return 'unseen'
  if (!DRAWING.includes(tool)) return null
  if (view.isPrior) return 'prior_study'
  return isThick(view, viewportOf(view)) ? 'slab' : null
}

/** The left button without Shift, or a finger: all others hold tools that only look. */
function isStroke(event: Event): boolean {
  return !(event instanceof MouseEvent) || (event.button === 0 && !event.shiftKey)
}
