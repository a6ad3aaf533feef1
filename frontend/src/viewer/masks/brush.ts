/** The brush in the hand, as the tools that paint know it. */
import * as tools from '@cornerstonejs/tools'
import type { PaneView } from '../types'

export interface Brush {
  radius_mm: number
  shape: 'circle' | 'sphere'
  /** In the modality's unit; null paints whatever lies under the brush. */
  threshold: readonly [number, number] | null
}

const THRESHOLD_BRUSH = 'ThresholdBrush'

/** Those that the views belong to. */
export function groupsOf(views: readonly PaneView[]): tools.Types.IToolGroup[] {
  const found = views.map((v) => tools.ToolGroupManager.getToolGroupForViewport(v.viewportId, v.engineId))
  return [...new Set(found.filter((group) => group !== undefined))]
}

/** To the tools of a group; a group knows it only once it has a viewport. */
export function giveBrush(group: tools.Types.IToolGroup, { radius_mm, shape, threshold }: Brush): void {
  tools.utilities.segmentation.setBrushSizeForToolGroup(group.id, radius_mm)
  if (!group.hasTool(THRESHOLD_BRUSH)) return
  const form = shape === 'sphere' ? 'SPHERE' : 'CIRCLE'
  group.setActiveStrategy(THRESHOLD_BRUSH, `${threshold ? 'THRESHOLD' : 'FILL'}_INSIDE_${form}`)
  if (!threshold) return
  tools.utilities.segmentation.setBrushThresholdForToolGroup(group.id, {
    range: [...threshold], isDynamic: false, dynamicRadius: 0,
  })
}
