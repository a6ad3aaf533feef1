/** Pure rules of answering: what a key press means, and what is still missing. */
import type { Question } from '../api/client'
import { isList, type Answers } from './content'

export type { Answer, Answers, Content } from './content'
export { contentOf } from './content'

/** The answers after choosing an option: `many` toggles, any other kind replaces. */
export function choose(answers: Answers, question: Question, option: string): Answers {
  if (question.kind !== 'many') return { ...answers, [question.key]: option }
  const current = answers[question.key]
  const chosen = isList(current) ? current : []
  const next = chosen.includes(option) ? chosen.filter((key) => key !== option) : [...chosen, option]
  const ordered = question.options.map((o) => o.key).filter((key) => next.includes(key))
  return { ...answers, [question.key]: ordered }
}

export function isChosen(answers: Answers, question: Question, option: string): boolean {
  const answer = answers[question.key]
  return isList(answer) ? answer.includes(option) : answer === option
}

/** The option that a key belongs to. */
export function optionOfKey(
  questions: Question[],
  key: string,
): { question: Question; option: string } | null {
  for (const question of questions) {
    const option = question.options.find((o) => o.hotkey !== '' && o.hotkey === key.toLowerCase())
    if (option) return { question, option: option.key }
  }
  return null
}
