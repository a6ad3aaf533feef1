/** What a key press means: pure rules over the list of actions, the reader's own keys and the answers.
 *
 * Keys are named after `event.key`, what the keyboard prints, never after the place of a key: "z" is
 * the key with a Z on it on a German keyboard too. Shift is part of a letter's name ("Shift+w") and of
 * keys that print nothing ("Shift+F1"), but not of "?" or "+": where those lie differs by layout. */
import { ACTIONS, type Action, type ActionId } from './actions'
import { choicesOf } from './choosing'
import type { Question } from './definition'

/** The reader's own keys by action, as the server keeps them; an empty text takes the key away. */
export type CustomKeys = Readonly<Record<string, string>>

export interface Pressed {
  key: string
  ctrlKey: boolean
  shiftKey: boolean
  altKey: boolean
  metaKey: boolean
  /** Where the key lies; asked only where Option on a Mac prints something else than the key says. */
  code?: string
  isComposing?: boolean
  getModifierState?: (name: string) => boolean
}

export interface AnswerKey {
  key: string
  question: string
  /** Null for none of them. */
  option: string | null
  /** The option's label, to say what a key belongs to. */
  label: string
}

export type Refusal =
  | { kind: 'browser' }
  | { kind: 'answers' }
  | { kind: 'answer'; label: string }
  | { kind: 'action'; action: ActionId }

export type Meaning = { kind: 'action'; action: Action } | { kind: 'answer'; answer: AnswerKey }

/** Letters and digits that the server gives to options by itself, in this order (annotation/labeling/schemas). */
const IN_ORDER = '1234567890qweasdfghjklxcvbnmtyop'
const DIGITS = '1234567890'
const FOR_ANSWERS = new Set(IN_ORDER)
const MODIFIERS = new Set(['Shift', 'Control', 'Alt', 'AltGraph', 'Meta', 'CapsLock', 'NumLock', 'Dead', 'Process'])
/** What a browser keeps for itself, or what moves the focus. */
const OF_THE_BROWSER = new Set([
  'Tab', 'Shift+Tab', 'Ctrl+Tab', 'Ctrl+Shift+Tab', 'Ctrl+PageUp', 'Ctrl+PageDown', 'Ctrl+Shift+PageUp', 'Ctrl+Shift+PageDown',
  'F11', 'F12', 'Alt+F4', 'Ctrl+F4', 'Alt+Space', 'Alt+Home', 'Alt+ArrowLeft', 'Alt+ArrowRight', 'Alt+d', 'Alt+e', 'Alt+f',
  'Shift+Escape', 'Shift+F10', 'Ctrl+Shift+Delete', 'Ctrl+F5',
  'Ctrl+w', 'Ctrl+t', 'Ctrl+n', 'Ctrl+r', 'Ctrl+Shift+w', 'Ctrl+Shift+t', 'Ctrl+Shift+n', 'Ctrl+Shift+r',
  ...Array.from('1234567890', (digit) => `Ctrl+${digit}`),
])

/** The name of what was pressed; null for a modifier alone and while a character is composed. */
export function nameOf(event: Pressed): string | null {
  // AltGr reports itself as Ctrl and Alt on Windows: it only prints "[" there, it commands nothing. Firefox
  // calls the Option of a Mac so, but as Alt alone.
  const isAltGr = (event.getModifierState?.('AltGraph') ?? false) && (event.ctrlKey || !event.altKey)
  const key = event.altKey && !isAltGr ? withoutOption(event) : event.key
  if (event.isComposing || MODIFIERS.has(key)) return null
  const isPrinted = key.length === 1 && key !== ' '
  const name = key === ' ' ? 'Space' : isPrinted ? key.toLowerCase() : key
  const hasShift = event.shiftKey && (!isPrinted || isLetter(key))
  const hasCtrl = (event.ctrlKey || event.metaKey) && !isAltGr
  const hasAlt = event.altKey && !isAltGr
  return `${hasCtrl ? 'Ctrl+' : ''}${hasAlt ? 'Alt+' : ''}${hasShift ? 'Shift+' : ''}${name}`
}

const SIGN_CODES: Readonly<Record<string, string>> = { Comma: ',', Period: '.', Minus: '-', Equal: '=' }

/** With Option a Mac prints "å" or waits for another letter: there the place of the key says which one is meant. */
function withoutOption({ key, code = '' }: Pressed): string {
  const isStrange = key === 'Dead' || (key.length === 1 && key > '~')
  if (!isStrange) return key
  const [, letter] = /^Key([A-Z])$/.exec(code) ?? []
  return letter?.toLowerCase() ?? SIGN_CODES[code] ?? key
}

function isLetter(character: string): boolean {
  return character.toLowerCase() !== character.toUpperCase()
}

/** Empty where the reader wants no key for an action. */
export function keysOf(action: Action, custom: CustomKeys): readonly string[] {
  const own = custom[action.id]
  if (own === undefined) return action.keys
  return own === '' ? [] : [own]
}

/** The answer keys of the questions that are asked, and of the one in hand, which goes first. */
export function answerKeysOf(questions: readonly Question[], inHand: Question | null = null): AnswerKey[] {
  const all = inHand ? [inHand, ...questions.filter(({ key }) => key !== inHand.key)] : questions
  return all.flatMap((question) =>
    choicesOf(question).flatMap(({ option, label }, index) => {
      const key = keyOfOption(question, index, inHand)
      return key === '' ? [] : [{ key, question: question.key, option, label }]
    }))
}

/** The key of what can be chosen: the schema's, but while a question is in hand its options have 1, 2, 3 and so on, and
 * nobody else has those; none of these comes after them, and has a key only then. Empty where there is none. */
export function keyOfOption(question: Question, index: number, inHand: Question | null): string {
  if (inHand?.key === question.key) return IN_ORDER[index] ?? ''
  const hotkey = question.options?.[index]?.hotkey?.toLowerCase() ?? ''
  return hotkey !== '' && keysInHand(inHand).includes(hotkey) ? '' : hotkey
}

function keysInHand(inHand: Question | null): string {
  if (inHand === null) return ''
  return isTyped(inHand) ? DIGITS : IN_ORDER.slice(0, choicesOf(inHand).length)
}

export function isTyped({ kind }: Pick<Question, 'kind'>): boolean {
  return kind === 'number' || kind === 'text'
}

/** Whether a key begins the answer to a question that is typed. */
export function beginsTyping(key: string, inHand: Question | null): boolean {
  return inHand !== null && isTyped(inHand) && DIGITS.includes(key)
}

/** What a key means now; the answers of the open schema come first, nothing may stand before them. */
export function meaningOf(
  key: string, custom: CustomKeys, answers: readonly AnswerKey[], shownKeys = keyIndex(custom),
): Meaning | null {
  const answer = answers.find((one) => one.key === key)
  if (answer) return { kind: 'answer', answer }
  const action = shownKeys.get(key)
  return action ? { kind: 'action', action } : null
}

/** Every key that does something, by its name. A key of the reader's own goes before a default. */
export function keyIndex(custom: CustomKeys): Map<string, Action> {
  const index = new Map<string, Action>()
  const isOwn = (action: Action) => Number(custom[action.id] !== undefined)
  for (const action of [...ACTIONS].sort((a, b) => isOwn(a) - isOwn(b))) {
    for (const key of keysOf(action, custom)) index.set(key, action)
  }
  return index
}

/** Why an action cannot have this key; null where it can. */
export function refusalOf(
  action: ActionId, key: string, custom: CustomKeys, answers: readonly AnswerKey[],
): Refusal | null {
  if (OF_THE_BROWSER.has(key)) return { kind: 'browser' }
  const answer = answers.find((one) => one.key === key)
  if (answer) return { kind: 'answer', label: answer.label }
  if (FOR_ANSWERS.has(key)) return { kind: 'answers' }
  const owner = ACTIONS.find((one) => one.id !== action && keysOf(one, custom).includes(key))
  return owner ? { kind: 'action', action: owner.id } : null
}

/** Why an action cannot have its default keys again: somebody else got one of them meanwhile; null where it can. */
export function refusalOfRestoring(
  action: Action, custom: CustomKeys,
): { key: string; why: Refusal } | null {
  for (const key of action.keys) {
    const owner = ACTIONS.find((one) => one.id !== action.id && keysOf(one, custom).includes(key))
    if (owner) return { key, why: { kind: 'action', action: owner.id } }
  }
  return null
}

/** Actions whose key the open schema uses for an answer: there the answer wins. */
export function hiddenByAnswers(custom: CustomKeys, answers: readonly AnswerKey[]): Map<ActionId, AnswerKey> {
  const hidden = new Map<ActionId, AnswerKey>()
  for (const action of ACTIONS) {
    const keys = keysOf(action, custom)
    const taken = keys.map((key) => answers.find((one) => one.key === key))
    const first = taken[0]
    if (first && taken.every((one) => one !== undefined)) hidden.set(action.id, first)
  }
  return hidden
}

/** Whether a schema may give this character to an answer without hiding an action. */
export function isFreeForAnswers(hotkey: string): boolean {
  return hotkey.length === 1 && hotkey !== ' ' && !keyIndex({}).has(hotkey.toLowerCase())
}

/** Keys that a control uses itself while it has the focus, so that they command nothing else. */
const OF_BUTTONS = new Set(['Enter', 'Space', 'Shift+Enter', 'Ctrl+Enter'])
const OF_SLIDERS = new Set(['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight', 'Home', 'End', 'PageUp', 'PageDown'])

export type Focus = 'none' | 'text' | 'button' | 'slider' | 'dialog'

/** Whether the control in focus, not the page, is what a key is meant for. */
export function belongsToFocus(key: string, focus: Focus): boolean {
  if (focus === 'text' || focus === 'dialog') return true
  if (focus === 'button') return OF_BUTTONS.has(key)
  return focus === 'slider' && OF_SLIDERS.has(key)
}
