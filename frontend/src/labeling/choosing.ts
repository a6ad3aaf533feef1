/** Rules of one answer: what there is to choose, and what pressing it makes of the answer. */
import { t } from '../i18n'
import type { Answer, Question } from './definition'

export interface Choice {
  /** The key of the option; null says that none of them is there. */
  option: string | null
  label: string
}

/** The options; `many` ends with none of these, so that it looks other than what nobody has answered. */
export function choicesOf({ kind, options = [] }: Question): Choice[] {
  const choices: Choice[] = options.map(({ key, label }) => ({ option: key, label }))
  return kind === 'many' ? [...choices, { option: null, label: t('answer.none_chosen') }] : choices
}

/** The answer after an option was chosen: `many` toggles in the schema's order, all others replace. Null, no
 * answer, where nothing is chosen any more. */
export function afterChoosing(question: Question, answer: Answer | null | undefined, option: string | null): Answer | null {
  if (question.kind !== 'many') return option
  if (option === null) return isChosen(answer, null) ? null : []
  const chosen = Array.isArray(answer) ? (answer as readonly string[]) : []
  const wanted = new Set(chosen)
  if (!wanted.delete(option)) wanted.add(option)
  if (wanted.size === 0) return null
  return (question.options ?? []).map(({ key }) => key).filter((key) => wanted.has(key))
}

export function isChosen(answer: Answer | null | undefined, option: string | null): boolean {
  if (!Array.isArray(answer)) return option !== null && answer === option
  return option === null ? answer.length === 0 : (answer as readonly string[]).includes(option)
}

/** Whether one click can answer something as normal. */
export function hasNormal(questions: readonly Question[]): boolean {
  return questions.some(({ is_normal }) => is_normal !== undefined && is_normal !== null)
}
