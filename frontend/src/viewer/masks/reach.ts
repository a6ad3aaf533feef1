/** PURE. Whether a tool paints on the image that is shown, or through others, too. */
import type { PaneView, ToolName } from '../types'
import { MASK_TOOLS } from '../types'
import type { Brush } from './brush'

const THROUGH: readonly ToolName[] = ['sphere', 'sphere_eraser']

export function isMaskTool(tool: ToolName): boolean {
  return MASK_TOOLS.some((one) => one === tool)
}

/** Whether a stroke of the tool reaches other slices than the one in sight. */
export function paintsThrough(tool: ToolName, brush: Brush | null, { volumeId }: Pick<PaneView, 'volumeId'>): boolean {
  const isSphere = THROUGH.includes(tool) || (tool === 'threshold' && brush?.shape === 'sphere')
  return volumeId !== null || isSphere
}

/** Whether a press draws with the tool in the left button: other buttons, and `Shift`, move and window. */
export function isStroke(event: Event): boolean {
  return event instanceof MouseEvent ? event.button === 0 && !event.shiftKey : true
}
