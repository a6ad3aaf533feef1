/** Keeps the hand from drawing and painting on earlier studies, which belong to reads of their own. */
import { MASK_TOOLS, REGION_KINDS, type PaneHost, type ToolName } from './types'

export interface Tooled extends PaneHost {
  readonly state: PaneHost['state'] & { readonly tool: ToolName }
}

const DOWN = ['mousedown', 'touchstart']
const DRAWING: readonly ToolName[] = [...REGION_KINDS, ...MASK_TOOLS]

/** Until it is called off, strokes that begin on an earlier study go no further than the window. */
export function guardPriors(host: Tooled, onRefused: () => void): () => void {
  const guard = (event: Event): void => {
    if (!isStroke(event) || !DRAWING.includes(host.state.tool)) return
    const { target } = event
    const view = host.views().find(({ element }) => target instanceof Node && element.contains(target))
    if (!view?.isPrior) return
    event.stopImmediatePropagation()
    onRefused()
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
