/** Connects the keyboard to the commands and the answers of the page. */
import { useEffect, useRef } from 'react'
import type { ActionId, Commands } from './actions'
import { focusOf } from './focus'
import { belongsToFocus, keyIndex, meaningOf, nameOf, type AnswerKey, type CustomKeys } from './keymap'

export interface KeyTargets {
  custom: CustomKeys
  answers: readonly AnswerKey[]
  commands: Commands
  /** Whether the key is for the pointer that keys move; it goes before all others. */
  onPointer: (key: string, isRepeated: boolean) => boolean
  onAnswer: (answer: AnswerKey) => void
  /** Whether the key goes into a field that has just got the focus for it. */
  onType: (key: string) => boolean
}

export function useKeys(targets: KeyTargets): void {
  const current = useRef(targets)
  useEffect(() => {
    current.current = targets
  })
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (press(event, current.current)) event.preventDefault()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])
}

/** Whether somebody else has used the press; Cornerstone says so of every key on a pane. */
function isSpent({ defaultPrevented, target }: KeyboardEvent): boolean {
  return defaultPrevented && !(target instanceof Element && target.closest('[data-viewport-uid]'))
}

/** A digit that answers nothing chooses a window, as readers know it from other viewers. */
function choosePreset(key: string, commands: Commands): boolean {
  const command = /^[1-9]$/.test(key) ? commands[`preset_${key}` as ActionId] : undefined
  command?.()
  return command !== undefined
}

/** Whether the press meant something here. */
function press(event: KeyboardEvent, { custom, answers, commands, onPointer, onAnswer, onType }: KeyTargets): boolean {
  const key = nameOf(event)
  if (key === null || isSpent(event) || belongsToFocus(key, focusOf(event.target))) return false
  if (onPointer(key, event.repeat)) return true
  if (onType(key)) return false
  const meaning = meaningOf(key, custom, answers, keyIndex(custom))
  if (meaning === null) return choosePreset(key, commands)
  if (meaning.kind === 'answer') {
    if (!event.repeat) onAnswer(meaning.answer)
    return true
  }
  const command = commands[meaning.action.id]
  if (!command) return meaning.action.id !== 'cancel' // a tool's key must not start the browser's search
  if (!event.repeat || meaning.action.repeats) command()
  return true
}
