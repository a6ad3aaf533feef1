/** A pair of Cornerstone's own scissors on an element without a page: where it begins to draw, how it hears of the mouse. */
import * as tools from '@cornerstonejs/tools'
import { endWithThePress } from '../../src/viewer/masks/scissors'

const { MOUSE_MOVE, MOUSE_CLICK } = tools.Enums.Events

export class FakeScissors {
  readonly element = Object.assign(new EventTarget(), { style: {} }) as unknown as HTMLDivElement
  private readonly pair: tools.RectangleScissorsTool | tools.CircleScissorsTool
  moves = 0

  constructor(kind: 'rectangle' | 'circle') {
    this.pair = kind === 'rectangle' ? new tools.RectangleScissorsTool() : new tools.CircleScissorsTool()
    // What needs a picture: the beginning, and what a movement does.
    this.pair.preMouseDownCallback = () => {
      this.pair.isDrawing = true
      this.pair.editData = { annotation: { metadata: {}, data: {} }, newAnnotation: true, hasMoved: false } as never
      this.pair._activateDraw(this.element)
      return true
    }
    this.pair._dragCallback = () => {
      this.moves++
    }
    endWithThePress(this.pair)
  }

  get isDrawing(): boolean {
    return this.pair.isDrawing
  }

  press(): void {
    this.pair.preMouseDownCallback({ detail: { element: this.element } } as never)
  }

  /** Without having moved. */
  release(): void {
    this.tell(MOUSE_CLICK)
  }

  move(): void {
    this.tell(MOUSE_MOVE)
  }

  private tell(name: string): void {
    this.element.dispatchEvent(new CustomEvent(name, { detail: { element: this.element } }))
  }
}
