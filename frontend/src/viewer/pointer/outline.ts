/** How a polygon that is drawn with the key pointer is closed. */
import * as tools from '@cornerstonejs/tools'
import { kindOf } from '../regions/annotations'
import { distance } from '../regions/shapes'
import type { Viewport } from '../pictures'
import type { Point2 } from './places'

const SAME_PLACE_PX = 0.5
const LEAST_CORNERS = 3

/** Where a press goes: pressed twice at one place, an outline ends, and the press is one on its first corner. */
export function cornerToPress(viewport: Viewport, at: Point2): Point2 {
  const corners = cornersUnderWay().map((corner) => viewport.worldToCanvas(corner))
  const [first] = corners
  const last = corners.at(-1)
  const isAgain = last !== undefined && distance(last, at) < SAME_PLACE_PX
  return first && isAgain && corners.length >= LEAST_CORNERS ? first : at
}

function cornersUnderWay() {
  const drawn = tools.annotation.state.getAllAnnotations()
  const open = drawn.find((one) => kindOf(one) === 'polygon' && one.data.contour?.closed === false)
  return open?.data.handles?.points ?? []
}
