/** Scissors cut only between a press and its release. Cornerstone 5.14 leaves a pair that was pressed and not moved
 * listening: the next drag in that pane, with whatever tool, cut from the old place, and elsewhere the pair was dead. */
import type * as tools from '@cornerstonejs/tools'

/** The part of Cornerstone's scissors that holds what is under way. */
interface Scissors {
  isDrawing: boolean
  preMouseDownCallback: (event: Pressed) => boolean
  _endCallback: (event: Pressed) => void
  /** Also for the mouse; does nothing where nothing is being drawn. */
  _cancelTouchDraw: (element: HTMLDivElement) => void
}

type Pressed = tools.Types.EventTypes.InteractionEventType

/** In which element each pair was pressed: it listens nowhere else. */
const pressed = new Map<Scissors, HTMLDivElement>()

/** To every pair, when it is made. */
export function endWithThePress(tool: unknown): void {
  const scissors = tool as Scissors
  const { preMouseDownCallback: press, _endCallback: end } = scissors
  scissors.preMouseDownCallback = (event) => {
    layDown(scissors)
    pressed.set(scissors, event.detail.element)
    return press(event)
  }
  scissors._endCallback = (event) => {
    end(event)
    layDown(scissors)
  }
}

/** What is being cut out is given up: everywhere, or in these elements. */
export function giveUpScissors(isIn: (element: HTMLDivElement) => boolean = () => true): void {
  for (const [scissors, element] of [...pressed]) if (isIn(element)) layDown(scissors)
}

function layDown(scissors: Scissors): void {
  const element = pressed.get(scissors)
  pressed.delete(scissors)
  if (element) scissors._cancelTouchDraw(element)
}
