/** Where the keyboard's focus goes after a click, so that Enter submits and does not press a button again. */
import type { MouseEvent } from 'react'
import type { Focus } from './keymap'

/** A click by mouse gives the focus back to the page; a press by keyboard keeps it where it is. */
export function releaseFocus(action: () => void): (event: MouseEvent<HTMLElement>) => void {
  return (event) => {
    if (event.detail > 0) event.currentTarget.blur()
    action()
  }
}

const TEXT = 'textarea, select, [contenteditable=""], [contenteditable="true"], [role=combobox], [role=textbox]'
const NOT_TEXT = new Set(['button', 'checkbox', 'color', 'image', 'radio', 'range', 'reset', 'submit', 'file'])
const BUTTON = 'button, a[href], summary, [role=button], [role=tab], [role=menuitem], [role=option], [role=switch], input'
const SLIDER = 'input[type=range], input[type=radio], [role=slider], [role=separator], [role=tab], [role=menuitem], [role=listbox]'

/** What kind of control has the focus, as the key map asks. */
export function focusOf(target: EventTarget | null): Focus {
  if (!(target instanceof HTMLElement)) return 'none'
  if (target.closest('[role=dialog], [role=menu], [role=listbox]')) return 'dialog'
  if (target instanceof HTMLInputElement && !NOT_TEXT.has(target.type)) return 'text'
  if (target.closest(TEXT)) return 'text'
  if (target.closest(SLIDER)) return 'slider'
  return target.closest(BUTTON) ? 'button' : 'none'
}
