/** Actions that a key does by pressing their control, where that is on the screen: notices, decisions in trouble. */
import type { ActionId, Commands } from './actions'

const PRESSED = ['claim', 'graphics_restart', 'conflict_look', 'conflict_mine', 'conflict_theirs', 'comment_pin'] satisfies readonly ActionId[]

export function pressingControls(): Commands {
  return { ...Object.fromEntries(PRESSED.map((id) => [id, () => press(controlsOf(id)[0])])), amiss_next: pressNext('amiss_next') }
}

function controlsOf(id: ActionId): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>(`[data-action=${id}]`)]
}

/** Of a group of choices, the one that is not chosen. */
function press(control: HTMLElement | undefined): void {
  const isOne = control?.matches('button, input') ?? false
  const one = isOne ? control : control?.querySelector<HTMLElement>('input:not(:checked)')
  one?.click()
}

/** One of several after the other, round at the end. */
function pressNext(id: ActionId): () => void {
  return () => {
    const all = controlsOf(id)
    press(all[(all.findIndex((one) => one.ariaCurrent === 'true') + 1) % all.length])
  }
}
