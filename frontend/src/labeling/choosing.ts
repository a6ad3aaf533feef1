/** Pure rules of one answer: what pressing an option makes of it. */
import type { Answer, Question } from './definition'

/** The answer after an option was chosen: `many` toggles in the schema's order, all others replace. */
export function afterChoosing(question: Question, answer: Answer | null | undefined, option: string): Answer {
  if (question.kind !== 'many') return option
  const chosen = Array.isArray(answer) ? (answer as readonly string[]) : []
  const wanted = new Set(chosen)
  if (!wanted.delete(option)) wanted.add(option)
  return (question.options ?? []).map(({ key }) => key).filter((key) => wanted.has(key))
}

export function isChosen(answer: Answer | null | undefined, option: string): boolean {
  return Array.isArray(answer) ? (answer as readonly string[]).includes(option) : answer === option
}

/** Whether one click can answer something as normal. */
export function hasNormal(questions: readonly Question[]): boolean {
  return questions.some(({ is_normal }) => is_normal !== undefined && is_normal !== null)
}
