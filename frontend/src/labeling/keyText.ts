/** Keys in the words that stand on the keyboard of the reader's language. */
import { named, t } from '../i18n'
import type { Action } from './actions'
import { keysOf, type CustomKeys } from './keymap'

const SIGNS: Readonly<Record<string, string>> = {
  ArrowUp: '↑', ArrowDown: '↓', ArrowLeft: '←', ArrowRight: '→', '-': '−',
}

/** "Shift+w" as "Shift W", "ArrowUp" as an arrow. */
export function shownKey(key: string): string {
  return partsOf(key).map(shownPart).join(' ')
}

/** As screen readers want it (aria-keyshortcuts). */
export function ariaKey(key: string): string {
  return partsOf(key).map((part) => (part === 'Ctrl' ? 'Control' : part)).join('+')
}

/** Whether an action is what somebody looks for: part of its name, or one of its keys as they are written. */
export function isFound(action: Action, custom: CustomKeys, wanted: string): boolean {
  const text = wanted.trim().toLowerCase()
  return t(action.label).toLowerCase().includes(text) || keysOf(action, custom).some((key) => shownKey(key).toLowerCase() === text)
}

/** The parts of a key's name; "+" itself is a key too. */
function partsOf(key: string): string[] {
  if (key === '+') return [key]
  const isPlus = key.endsWith('++')
  const parts = (isPlus ? key.slice(0, -2) : key).split('+')
  return isPlus ? [...parts, '+'] : parts
}

function shownPart(part: string): string {
  return SIGNS[part] ?? (part.length === 1 ? part.toUpperCase() : named(`key.${part}`, part))
}
