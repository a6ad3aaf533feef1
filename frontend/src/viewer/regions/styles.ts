/** How a region looks on the images, and how its annotation goes without leaving its looks behind. */
import * as tools from '@cornerstonejs/tools'
import type { DrawnRegion } from '../types'

/** The size of text on an image, as that of the corners (reading.module.css), in rem. */
const TEXT_REM = 0.8125
/** What lines are drawn for, in pixels: the page at 1920. */
const USUAL_REM_PX = 16

/** Strokes and gaps, in the same pixels: long ones of what is only suggested, short ones of what cannot be moved. */
const SUGGESTED = [9, 5] as const
const LOCKED = [3, 3] as const

export type Dash = readonly number[]

/** Empty for a line that is drawn through. */
export function dashOf({ isSuggested, is_locked }: Pick<DrawnRegion, 'isSuggested' | 'is_locked'>): Dash {
  if (isSuggested) return SUGGESTED
  return is_locked ? LOCKED : []
}

/** A locked region's dash is its own: Cornerstone's style of locked ones asks for a lock of Cornerstone's. */
export function paintStyle(id: string, colour: string, dash: Dash = []): void {
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || USUAL_REM_PX
  const wide = (pixels: number) => String((pixels * rem) / USUAL_REM_PX)
  tools.annotation.config.style.setAnnotationStyles(id, {
    color: colour, colorHighlighted: colour, colorSelected: colour, colorLocked: colour,
    textBoxColor: colour, textBoxColorHighlighted: colour, textBoxColorSelected: colour,
    textBoxColorLocked: colour, lineWidth: wide(1.5), lineWidthSelected: wide(3), lineDash: dash.map(wide).join(','),
    textBoxFontSize: `${TEXT_REM * rem}px`,
  })
}

/** With its style, which Cornerstone would keep. */
export function removeAnnotation(id: string): void {
  tools.annotation.state.removeAnnotation(id)
  Reflect.deleteProperty(tools.annotation.config.style.config.annotations ?? {}, id)
}
