/** Where the keyboard's focus goes after a click, so that Enter submits and does not press a button again. */
import type { KeyboardEvent, MouseEvent } from 'react'
import type { Focus } from './keymap'

/** A click by mouse gives the focus back to the page; a press by keyboard keeps it where it is. */
export function releaseFocus(action: () => void): (event: MouseEvent<HTMLElement>) => void {
  return (event) => {
    if (event.detail > 0) event.currentTarget.blur()
    action()
  }
}

/** Enter and Escape leave a field, so that the keys of the page work again. */
export function leaveOnEnter(event: KeyboardEvent<HTMLElement>): void {
  if (event.key !== 'Enter' && event.key !== 'Escape') return
  event.stopPropagation()
  event.preventDefault()
  event.currentTarget.blur()
}

/** Puts the focus into a field: what stands in a line is replaced by typing, a text goes on at its end. Whether
 * there is such a field and it can be used. */
export function goInto(selector: string): boolean {
  const field = document.querySelector<HTMLElement>(selector)
  field?.focus()
  if (field === null || document.activeElement !== field) return false
  if (field instanceof HTMLInputElement) field.select()
  if (field instanceof HTMLTextAreaElement) field.setSelectionRange(field.value.length, field.value.length)
  return true
}

/** Opens the list of a field to choose from; arrows and Enter choose. */
export function openList(selector: string): void {
  if (goInto(selector)) document.querySelector<HTMLElement>(selector)?.click()
}

/** After a list has closed: the keys of the page work again. */
export function leaveList(): void {
  if (document.activeElement instanceof HTMLInputElement) document.activeElement.blur()
}

/** After its text was sent, unless somebody writes on in it. */
export function leaveSent(field: HTMLTextAreaElement | null, text: string): void {
  if (field?.value === text) field.blur()
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
