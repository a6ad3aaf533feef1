/** Actions that a key does by pressing their control, where that is on the screen: notices, decisions in trouble. */
import type { ActionId, Commands } from './actions'

const PRESSED = ['claim', 'graphics_restart', 'masks_again', 'conflict_look', 'conflict_mine', 'conflict_theirs', 'comment_pin'] satisfies readonly ActionId[]

export function pressingControls(): Commands {
  return { ...Object.fromEntries(PRESSED.map((id) => [id, () => press(controlsOf(id)[0])])), amiss_next: pressNext('amiss_next') }
}

const OF_MARKS = ['mark_resolve', 'mark_give', 'mark_withdraw', 'mark_remove'] satisfies readonly ActionId[]
const MARK = '[data-testid=mark]'

/** The mark that has the focus is in hand, else the first one. */
export function pressingMarks(): Commands {
  const marks = () => [...document.querySelectorAll<HTMLElement>(MARK)]
  const inHand = () => document.activeElement?.closest(MARK) ?? marks()[0]
  const step = (by: 1 | -1) => () => {
    const all = marks()
    const index = all.findIndex((one) => one.contains(document.activeElement))
    all.at(index < 0 && by < 0 ? -1 : (index + by) % all.length)?.focus()
  }
  return {
    mark_previous: step(-1), mark_next: step(1),
    ...Object.fromEntries(OF_MARKS.map((id) => [id, () => inHand()?.querySelector<HTMLElement>(`[data-action=${id}]`)?.click()])),
    masks_download: () => controlsOf('masks_download').forEach((one) => one.click()),
  }
}

const OF_REVIEW = ['review_approve', 'review_return', 'review_next'] satisfies readonly ActionId[]

export function pressingReview(): Commands {
  return Object.fromEntries(OF_REVIEW.map((id) => [id, () => press(controlsOf(id)[0])]))
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
