/** Why a tool that paints must not touch a pane now: Cornerstone would write where nobody sees it. */
import * as core from '@cornerstonejs/core'
import type { NotAVolume } from '../messages'
import type { PaneView, ToolName } from '../types'
import type { Brush } from './brush'
import { paintsThrough } from './reach'

/** A ball reaches no other slices where the images are no volume; `uneven` is what Cornerstone says of them. */
export interface NoBall {
  code: 'not_a_volume'
  reason: NotAVolume | 'uneven'
}

export type PaintRefusal = 'sizes' | NoBall

export interface Stroke {
  tool: ToolName
  brush: Brush | null
  view: Pick<PaneView, 'volumeId' | 'series' | 'imageIds'>
  map: { readonly hasOneSize: boolean }
}

/** Null where nothing is in the way. */
export function whyNotPaint({ tool, brush, view, map }: Stroke): PaintRefusal | null {
  const isThrough = paintsThrough(tool, brush, view)
  if (isThrough && !map.hasOneSize) return 'sizes'
  const reason = isThrough && view.volumeId === null ? whyNoBall(view) : null
  return reason && { code: 'not_a_volume', reason }
}

/** Of a stack Cornerstone makes a regular grid by its first and its last image, whatever lies between: on others the ball
 * lands beside the cursor, on slices that are not in sight. What it makes no grid of it refuses only when the brush is
 * already listening, and the next drag paints. Two slices are a grid. */
function whyNoBall({ series, imageIds }: Stroke['view']): NoBall['reason'] | null {
  const { not_a_volume: reason } = series
  if (reason !== null && reason !== 'too_few_slices') return reason
  return core.utilities.isValidVolume([...imageIds]) ? null : 'uneven'
}
