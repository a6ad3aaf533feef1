/** How the pointer looks: a ring with four ticks, on whatever lies below; what it points at stays free. */
import { drawn } from '../PaneDrawings'
import type { Point2 } from './places'

const RADIUS_REM = 0.75
const TICK_REM = 0.4
const TICKS: readonly Point2[] = [[-1, 0], [1, 0], [0, -1], [0, 1]]
const COLOURS = { free: '#ffffff', held: '#ff922b' }

export function pointerMark([x, y]: Point2, isHeld: boolean): SVGGElement {
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize)
  const group = drawn('g', { 'data-testid': 'key-pointer', 'data-held': String(isHeld), transform: `translate(${x} ${y})` })
  const colour = isHeld ? COLOURS.held : COLOURS.free
  group.append(...shape(rem, '#000', isHeld ? 0.45 : 0.3), ...shape(rem, colour, isHeld ? 0.22 : 0.12))
  return group
}

/** Twice, the dark one wider, so that it is seen on light and on dark. */
function shape(rem: number, stroke: string, wide_rem: number): SVGElement[] {
  const look = { fill: 'none', stroke, 'stroke-width': wide_rem * rem }
  const [inner, outer] = [(RADIUS_REM - TICK_REM) * rem, (RADIUS_REM + TICK_REM) * rem]
  return [
    drawn('circle', { r: RADIUS_REM * rem, ...look }),
    ...TICKS.map(([x, y]) => drawn('line', { x1: x * inner, y1: y * inner, x2: x * outer, y2: y * outer, ...look })),
  ]
}
