/** Why a tool that paints must not touch a pane now: Cornerstone would write where nobody sees it. */
import * as core from '@cornerstonejs/core'
import type { NotAVolume } from '../messages'
import type { Viewport } from '../pictures'
import { frameOf } from '../regions/frames'
import { heightOver } from '../regions/geometry'
import type { PaneView, ToolName } from '../types'
import type { Brush } from './brush'
import { paintsThrough } from './reach'

/** A ball reaches no other slices where the images are no volume; `uneven` is what Cornerstone says of them. */
export interface NoBall {
  code: 'not_a_volume'
  reason: NotAVolume | 'uneven'
}

export type PaintRefusal = 'sizes' | 'images_loading' | NoBall

export interface Stroke {
  tool: ToolName
  brush: Brush | null
  view: Pick<PaneView, 'volumeId' | 'series' | 'imageIds'>
  /** Of the view. */
  viewport: Pick<Viewport, 'getCurrentImageId'> | null
  map: { readonly hasOneSize: boolean }
}

/** Null where nothing is in the way. */
export function whyNotPaint(stroke: Stroke): PaintRefusal | null {
  const { tool, brush, view, map } = stroke
  const isThrough = paintsThrough(tool, brush, view)
  if (isThrough && !map.hasOneSize) return 'sizes'
  const reason = isThrough && view.volumeId === null ? whyNoBall(view) : null
  if (reason) return { code: 'not_a_volume', reason }
  return comparedBy(stroke).every((imageId) => core.cache.isLoaded(imageId)) ? null : 'images_loading'
}

/** Of a stack Cornerstone makes a regular grid by its first and its last image, whatever lies between: on others the ball
 * lands beside the cursor, on slices that are not in sight. What it makes no grid of it refuses only when the brush is
 * already listening, and the next drag paints. Two slices are a grid. */
function whyNoBall({ series, imageIds }: Stroke['view']): NoBall['reason'] | null {
  const { not_a_volume: reason } = series
  if (reason !== null && reason !== 'too_few_slices') return reason
  return core.utilities.isValidVolume([...imageIds]) ? null : 'uneven'
}

/** The images whose values the brush compares with its bounds: Cornerstone takes those that are not there for 0. */
function comparedBy({ tool, brush, view, viewport }: Stroke): readonly string[] {
  if (tool !== 'threshold' || !brush?.threshold) return []
  const shown = viewport?.getCurrentImageId()
  if (view.volumeId !== null || !shown) return view.imageIds
  return brush.shape === 'sphere' ? around(shown, brush.radius_mm, view.imageIds) : [shown]
}

/** Those that a ball in the middle of the shown one reaches; it is up to one slice deeper than its radius. */
function around(shown: string, radius_mm: number, imageIds: readonly string[]): string[] {
  const plane = frameOf(shown)?.plane
  if (!plane) return [...imageIds]
  const heights = imageIds.map((imageId) => heightOver(plane, frameOf(imageId)?.plane.position ?? plane.position))
  const step_mm = (Math.max(...heights) - Math.min(...heights)) / Math.max(heights.length - 1, 1)
  return imageIds.filter((_, index) => Math.abs(heights[index] ?? 0) <= radius_mm + step_mm)
}
