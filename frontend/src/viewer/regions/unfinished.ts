/** What a hand has begun with a region tool and not finished: a corner of a polygon, an arm of an angle, a handle that
 * is held. As long as there is something, Cornerstone lets no wheel and no other tool do anything, in any pane. */
import * as tools from '@cornerstonejs/tools'
import { viewportOf } from '../PaneDrawings'
import { CORNERSTONE_TOOLS, TOOL_GROUP } from '../tools'
import { REGION_KINDS, type PaneView } from '../types'

/** The part of Cornerstone's tools that holds what is under way; it is all untyped. */
interface RegionTool {
  isDrawing?: boolean
  editData?: Held | null
  /** Of the freehand tool, whose `editData` is something else. */
  commonData?: Held | null
  cancel(element: HTMLDivElement): unknown
}

interface Held {
  annotation?: tools.Types.Annotation
}

/** The annotation that is under way; null where there is none. */
export function unfinished(): tools.Types.Annotation | null {
  for (const tool of regionTools()) {
    const held = heldBy(tool)
    if (held) return held
  }
  return null
}

/** Whether a stack shows another image than that which is drawn on: corners would be set there unseen. */
export function isUnfinishedElsewhere(view: PaneView): boolean {
  const drawnOn = unfinished()?.metadata?.referencedImageId
  return view.volumeId === null && drawnOn !== undefined && viewportOf(view)?.getCurrentImageId() !== drawnOn
}

/** Give it up in the element in which it was begun; returns the annotations, which are still there. Cornerstone's own
 * `cancelActiveManipulations` finds only what the element shows just now. */
export function giveUpUnfinished(element: HTMLDivElement): string[] {
  return regionTools().flatMap((tool) => {
    const id = heldBy(tool)?.annotationUID
    if (!id) return []
    // A handle that is held counts as drawn with only once it has moved, but listens already.
    if (!tool.commonData) tool.isDrawing = true
    tool.cancel(element)
    return id
  })
}

function regionTools(): RegionTool[] {
  const group = tools.ToolGroupManager.getToolGroup(TOOL_GROUP)
  return REGION_KINDS.flatMap((kind) => {
    const tool: unknown = group?.getToolInstance(CORNERSTONE_TOOLS[kind])
    return tool ? [tool as RegionTool] : []
  })
}

function heldBy(tool: RegionTool): tools.Types.Annotation | null {
  return (tool.commonData ?? tool.editData)?.annotation ?? null
}
