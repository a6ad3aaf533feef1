/** How a region looks on the images, and how its annotation goes without leaving its looks behind. */
import * as tools from '@cornerstonejs/tools'

/** The size of text on an image, as that of the corners (reading.module.css), in rem. */
const TEXT_REM = 0.8125
/** What lines are drawn for, in pixels: the page at 1920. */
const USUAL_REM_PX = 16

export function paintStyle(id: string, colour: string): void {
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || USUAL_REM_PX
  const wide = (pixels: number) => String((pixels * rem) / USUAL_REM_PX)
  tools.annotation.config.style.setAnnotationStyles(id, {
    color: colour, colorHighlighted: colour, colorSelected: colour, colorLocked: colour,
    textBoxColor: colour, textBoxColorHighlighted: colour, textBoxColorSelected: colour,
    textBoxColorLocked: colour, lineWidth: wide(1.5), lineWidthSelected: wide(3), lineDashLocked: `${wide(4)},${wide(3)}`,
    textBoxFontSize: `${TEXT_REM * rem}px`,
  })
}

/** With its style, which Cornerstone would keep. */
export function removeAnnotation(id: string): void {
  tools.annotation.state.removeAnnotation(id)
  Reflect.deleteProperty(tools.annotation.config.style.config.annotations ?? {}, id)
}
