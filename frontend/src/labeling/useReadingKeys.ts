/** The keyboard of the reading page. */
import { useEffect } from 'react'
import type { Workstation } from '../viewer/Workstation'
import { optionOfKey } from './answers'
import type { ReadingSession } from './ReadingSession'

export const VIEWER_KEYS = [
  ['↑ ↓', 'previous, next slice'],
  ['+ −', 'zoom'],
  ['I', 'invert'],
  ['R', 'reset the view'],
  ['1 – 9', 'window presets, where no answer has the key'],
  ['Enter', 'submit and next'],
  ['Z', 'undo the last submission'],
  ['?', 'this list'],
] as const

export function useReadingKeys(
  session: ReadingSession,
  viewer: Workstation | null,
  onHelp: () => void,
): void {
  useEffect(() => {
    const actions: Record<string, () => void> = {
      ArrowUp: () => viewer?.scroll(-1),
      ArrowDown: () => viewer?.scroll(1),
      '+': () => viewer?.zoom(1.2),
      '-': () => viewer?.zoom(1 / 1.2),
      i: () => viewer?.invert(),
      r: () => viewer?.reset(),
      z: () => void session.undo(),
      Enter: () => void session.submit(),
      '?': onHelp,
    }
    const onKey = (event: KeyboardEvent) => {
      const isTyping = event.target instanceof HTMLElement && event.target.matches('input, textarea')
      if (isTyping || event.altKey || event.metaKey || event.repeat && event.key === 'Enter') return
      if (event.ctrlKey && event.key !== 'z') return
      const found = optionOfKey(session.questions(), event.key)
      const preset = /^[1-9]$/.test(event.key) ? () => void viewer?.windowByKey(event.key) : undefined
      const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key] ?? preset
      if (!found && !action) return
      event.preventDefault()
      if (found) session.choose(found.question.key, found.option)
      else action?.()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [session, viewer, onHelp])
}
