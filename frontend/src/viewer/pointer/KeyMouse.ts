/** What a tool sees of the pointer that keys move: a mouse over a pane, with its left button. */
import type { Point2 } from './places'

const LEFT = 1

export class KeyMouse {
  /** @param element Cornerstone's, of a pane; places are pixels of it, whole or not */
  constructor(private readonly element: HTMLElement) {}

  move(at: Point2): void {
    this.send('mousemove', at, 0)
  }

  /** With the button down. */
  drag(at: Point2): void {
    this.send('mousemove', at, LEFT)
  }

  /** False where the press does not come to the image: somebody else wanted it, or it may not. */
  press(at: Point2): boolean {
    const arrived: Event[] = []
    const arrive = (event: Event) => arrived.push(event)
    this.element.addEventListener('mousedown', arrive, { once: true })
    const first = this.send('mousedown', at, LEFT)
    this.element.removeEventListener('mousedown', arrive)
    if (arrived.length === 0) return false
    this.hurry(first, at)
    return true
  }

  release(at: Point2): void {
    this.send('mouseup', at, 0)
  }

  /** Cornerstone (5.14) holds a press back until it is no double click; a second one of other buttons ends that. */
  private hurry(first: MouseEvent, at: Point2): void {
    Object.defineProperty(first, 'buttons', { value: 0 })
    this.send('mousedown', at, LEFT)
  }

  private send(type: string, [x, y]: Point2, buttons: number): MouseEvent {
    const { left, top } = this.element.getBoundingClientRect()
    const [clientX, clientY] = [left + x, top + y]
    const event = new MouseEvent(type, { bubbles: true, cancelable: true, view: window, buttons })
    // Not told to the constructor, which takes whole pixels only.
    const exact = { buttons, clientX, clientY, pageX: clientX + window.scrollX, pageY: clientY + window.scrollY }
    for (const [name, value] of Object.entries(exact)) Object.defineProperty(event, name, { value, configurable: true })
    this.element.dispatchEvent(event)
    return event
  }
}
