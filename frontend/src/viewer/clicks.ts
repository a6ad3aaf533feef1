/** Cornerstone holds a click back until it is no double click, with the tool that is in the hand by then. Whatever is
 * done next by key, or elsewhere on the page, finds it done: a dab right before Enter is part of the read. */

/** How long it waits (5.14), and how far a hand may go before it waits no longer. */
const HELD_MS = 400
const FAR_PX = 4

/** From now on, until the answer is called. */
export function settleClicks(panes: HTMLElement): () => void {
  let held: MouseEvent | null = null
  let isUp = false
  const settle = () => {
    if (!held || !isUp) return
    const { target, clientX, clientY, timeStamp } = held
    held = null
    if (performance.now() - timeStamp > HELD_MS) return
    target?.dispatchEvent(new MouseEvent('mousemove', { bubbles: true, clientX: clientX + FAR_PX, clientY }))
  }
  const down = (event: MouseEvent) => {
    if (!event.isTrusted) return // a pointer that keys move waits for nothing
    if (event.target instanceof Node && panes.contains(event.target)) {
      held = event
      isUp = false
    } else {
      settle()
    }
  }
  const up = () => {
    isUp = true
  }
  window.addEventListener('mousedown', down, true)
  window.addEventListener('mouseup', up, true)
  window.addEventListener('keydown', settle, true)
  return () => {
    window.removeEventListener('mousedown', down, true)
    window.removeEventListener('mouseup', up, true)
    window.removeEventListener('keydown', settle, true)
  }
}
