import { describe, expect, it } from 'vitest'
import { ACTIONS, actionOf } from '../src/labeling/actions'
import type { Question } from '../src/labeling/definition'
import {
  answerKeysOf, beginsTyping, belongsToFocus, hiddenByAnswers, isFreeForAnswers, keyIndex, keyOfOption, keysOf, meaningOf, nameOf, refusalOf,
  refusalOfRestoring,
  type Pressed,
} from '../src/labeling/keymap'
import { ariaKey, isFound, shownKey } from '../src/labeling/keyText'

/** The server's own list (annotation/labeling/schemas). */
const GIVEN_TO_ANSWERS = Array.from('1234567890qweasdfghjklxcvbnmtyop')

function pressed(key: string, part: Partial<Pressed> = {}): Pressed {
  return { key, ctrlKey: false, shiftKey: false, altKey: false, metaKey: false, ...part }
}

const question: Question = {
  key: 'finding', label: 'Finding', kind: 'one',
  options: [{ key: 'no', label: 'None', hotkey: '1' }, { key: 'yes', label: 'Some', hotkey: 'q' }, { key: 'odd', label: 'Odd', hotkey: '/' }],
}
const answers = answerKeysOf([question])

describe('the default keys', () => {
  it('give every action a key of its own', () => {
    const keys = ACTIONS.flatMap((action) => action.keys)
    expect(keys.length).toBeGreaterThan(90)
    expect(new Set(keys).size).toBe(keys.length)
    expect(ACTIONS.every((action) => action.keys.length > 0)).toBe(true)
  })

  it('leave every character to the answers that the server gives to them', () => {
    const taken = GIVEN_TO_ANSWERS.filter((character) => keyIndex({}).has(character))
    expect(taken).toEqual([])
    expect(GIVEN_TO_ANSWERS.every(isFreeForAnswers)).toBe(true)
    expect(isFreeForAnswers('?')).toBe(false)
    expect(isFreeForAnswers('ab')).toBe(false)
  })

  it('are none that the browser keeps for itself', () => {
    const kept = ACTIONS.filter(({ id, keys }) => keys.some((key) => refusalOf(id, key, {}, [])?.kind === 'browser'))
    expect(kept.map(({ id }) => id)).toEqual([])
  })

  it('are all names that a key press can have', () => {
    const ill = ACTIONS.flatMap((action) => action.keys).filter((key) => nameOf(pressOf(key)) !== key)
    expect(ill).toEqual([])
  })
})

/** The press that a name stands for. */
function pressOf(name: string): Pressed {
  const parts = name === '+' ? ['+'] : name.split(/\+(?=.)/)
  const key = parts.at(-1) ?? ''
  const shiftKey = parts.includes('Shift')
  const printed = key === 'Space' ? ' ' : shiftKey && key.length === 1 ? key.toUpperCase() : key
  return pressed(printed, { shiftKey, ctrlKey: parts.includes('Ctrl'), altKey: parts.includes('Alt') })
}

describe('the name of a key', () => {
  it('is what the keyboard prints, with Shift only where it prints a letter or nothing', () => {
    expect(nameOf(pressed('W', { shiftKey: true }))).toBe('Shift+w')
    expect(nameOf(pressed('?', { shiftKey: true }))).toBe('?')
    expect(nameOf(pressed('F3', { shiftKey: true }))).toBe('Shift+F3')
    expect(nameOf(pressed(' '))).toBe('Space')
  })

  it('does not depend on Caps Lock', () => {
    expect(nameOf(pressed('A'))).toBe('a')
    expect(nameOf(pressed('a', { shiftKey: true }))).toBe('Shift+a')
  })

  it('is the same on a German keyboard', () => {
    // Y and Z have changed places, / is Shift+7, and [ is printed by AltGr, which Windows calls Ctrl+Alt.
    const altGr = { ctrlKey: true, altKey: true, getModifierState: (name: string) => name === 'AltGraph' }
    expect(nameOf(pressed('z', { ctrlKey: true }))).toBe('Ctrl+z')
    expect(nameOf(pressed('/', { shiftKey: true }))).toBe('/')
    expect(nameOf(pressed('[', altGr))).toBe('[')
    expect(nameOf(pressed('ö'))).toBe('ö')
  })

  it('is the letter on the key where Option on a Mac prints another or waits', () => {
    expect(nameOf(pressed('˙', { altKey: true, code: 'KeyH' }))).toBe('Alt+h')
    expect(nameOf(pressed('Dead', { altKey: true, code: 'KeyN' }))).toBe('Alt+n')
    expect(nameOf(pressed('≤', { altKey: true, code: 'Comma' }))).toBe('Alt+,')
    const inFirefox = { altKey: true, code: 'KeyL', getModifierState: (name: string) => name === 'AltGraph' }
    expect(nameOf(pressed('@', inFirefox))).toBe('Alt+@') // where Option prints a sign, the sign is meant
    expect(nameOf(pressed('¬', inFirefox))).toBe('Alt+l')
  })

  it('counts Command as Ctrl', () => {
    expect(nameOf(pressed('z', { metaKey: true }))).toBe('Ctrl+z')
  })

  it('is nothing for modifiers, dead keys and characters that are being composed', () => {
    for (const key of ['Shift', 'Control', 'AltGraph', 'Dead']) expect(nameOf(pressed(key))).toBeNull()
    expect(nameOf(pressed('a', { isComposing: true }))).toBeNull()
  })
})

describe('a key press', () => {
  it('answers where the schema says so, else acts', () => {
    expect(meaningOf('q', {}, answers)).toMatchObject({ kind: 'answer', answer: { question: 'finding', option: 'yes' } })
    expect(meaningOf('Shift+b', {}, answers)).toMatchObject({ kind: 'action', action: { id: 'tool_brush' } })
    expect(meaningOf('w', {}, answers)).toBeNull()
  })

  it('answers first where a schema took the key of an action, and the action is known to be hidden', () => {
    expect(meaningOf('/', {}, answers)?.kind).toBe('answer')
    expect([...hiddenByAnswers({}, answers)].map(([id, answer]) => [id, answer.label])).toEqual([['reference_lines', 'Odd']])
  })

  it('means the reader’s own key and no longer the default', () => {
    const custom = { tool_window: 'Shift+F12', undo: 'Ctrl+u' }
    expect(keysOf(actionOf('tool_window'), custom)).toEqual(['Shift+F12'])
    expect(meaningOf('Shift+F12', custom, [])).toMatchObject({ action: { id: 'tool_window' } })
    expect(meaningOf('Shift+w', custom, [])).toBeNull()
    expect(meaningOf('Ctrl+z', custom, [])).toBeNull()
  })
})

describe('a question in hand', () => {
  const margin: Question = { key: 'margin', label: 'Margin', kind: 'one', scope: 'region', options: [{ key: 'smooth', label: 'Smooth' }, { key: 'spiky', label: 'Spiky' }] }
  const size: Question = { key: 'size', label: 'Size', kind: 'number' }

  it('is answered by 1, 2, 3; other answers keep the rest', () => {
    const keys = answerKeysOf([question], margin).map(({ key, option }) => [key, option])
    expect(keys).toEqual([['1', 'smooth'], ['2', 'spiky'], ['q', 'yes'], ['/', 'odd']])
    expect(keyOfOption(question, 0, margin)).toBe('')
  })

  it('may be one of the study, whose options are counted then', () => {
    expect(answerKeysOf([question], question).map(({ key }) => key)).toEqual(['1', '2', '3'])
  })

  it('says by the key after its options that none of them is there, where it has several answers', () => {
    const signs: Question = { ...margin, key: 'signs', kind: 'many' }
    expect(answerKeysOf([question, signs], signs).map(({ key, option }) => [key, option])).toEqual(
      [['1', 'smooth'], ['2', 'spiky'], ['3', null], ['q', 'yes'], ['/', 'odd']])
    expect(answerKeysOf([question, signs])).toEqual(answerKeysOf([question]))
  })

  it('takes the digits into its field where it is typed', () => {
    expect(beginsTyping('4', size)).toBe(true)
    expect(beginsTyping('q', size)).toBe(false)
    expect(beginsTyping('4', margin)).toBe(false)
    expect(beginsTyping('4', null)).toBe(false)
    expect(answerKeysOf([question], size).map(({ key }) => key)).toEqual(['q', '/'])
  })
})

describe('the search for an action', () => {
  it('finds it by a part of its name or by its key', () => {
    expect(isFound(actionOf('slab_mode'), {}, ' THICK ')).toBe(true)
    expect(isFound(actionOf('slab_mode'), {}, 'alt m')).toBe(true)
    expect(isFound(actionOf('slab_mode'), { slab_mode: 'ö' }, 'alt m')).toBe(false)
    expect(isFound(actionOf('slab_mode'), {}, 'brush')).toBe(false)
  })
})

describe('another key for an action', () => {
  it('is refused where an action, an answer or the browser has it', () => {
    expect(refusalOf('fit', 'Shift+b', {}, [])).toEqual({ kind: 'action', action: 'tool_brush' })
    expect(refusalOf('fit', 'Ctrl+Shift+z', {}, [])).toEqual({ kind: 'action', action: 'redo' })
    expect(refusalOf('fit', '1', {}, answers)).toEqual({ kind: 'answer', label: 'None' })
    expect(refusalOf('fit', 'k', {}, answers)).toEqual({ kind: 'answers' })
    expect(refusalOf('fit', 'Ctrl+w', {}, [])).toEqual({ kind: 'browser' })
  })

  it('is allowed where it is free, also when its former owner moved away', () => {
    expect(refusalOf('fit', 'ö', {}, answers)).toBeNull()
    expect(refusalOf('fit', '=', {}, [])).toBeNull()
    expect(refusalOf('fit', 'Shift+b', { tool_brush: 'ä' }, [])).toBeNull()
  })
})

describe('a default key', () => {
  it('comes back unless another action got it meanwhile', () => {
    const brush = actionOf('tool_brush')
    expect(refusalOfRestoring(brush, { tool_brush: 'ä' })).toBeNull()
    expect(refusalOfRestoring(brush, { tool_brush: 'ä', fit: 'Shift+b' })).toEqual(
      { key: 'Shift+b', why: { kind: 'action', action: 'fit' } })
  })
})

describe('a control in focus', () => {
  it('keeps its own keys', () => {
    expect(belongsToFocus('q', 'text')).toBe(true)
    expect(belongsToFocus('Enter', 'button')).toBe(true)
    expect(belongsToFocus('q', 'button')).toBe(false)
    expect(belongsToFocus('ArrowUp', 'slider')).toBe(true)
    expect(belongsToFocus('ArrowUp', 'none')).toBe(false)
    expect(belongsToFocus('Escape', 'dialog')).toBe(true)
  })
})

describe('a key on the screen', () => {
  it('is written as on the keyboard', () => {
    expect(shownKey('Shift+w')).toBe('Shift W')
    expect(shownKey('ArrowUp')).toBe('↑')
    expect(shownKey('+')).toBe('+')
    expect(shownKey('Ctrl++')).toBe('Ctrl +')
    expect(ariaKey('Ctrl+Shift+z')).toBe('Control+Shift+z')
  })
})
