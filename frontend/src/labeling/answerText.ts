/** Answers as text, for lists, conflicts and comparisons. */
import { formatNumber, t } from '../i18n'
import type { Question } from './definition'

/** An answer in the words of its question; of an unknown question as it is stored. */
export function shownAnswer(answer: unknown, question?: Question): string {
  if (answer === null || answer === undefined) return t('answer.none')
  if (Array.isArray(answer)) {
    return answer.length === 0 ? t('answer.none_of_these') : answer.map((one) => optionLabel(one, question)).join(', ')
  }
  if (typeof answer === 'object') return t('answer.cannot_assess')
  if (typeof answer === 'number') return withUnit(formatNumber(answer, decimalsOf(answer)), question)
  return optionLabel(answer, question)
}

/** Several answers in the order of the questions. */
export function shownAnswers(answers: Readonly<Record<string, unknown>>, questions: readonly Question[]): string {
  const byKey = new Map(questions.map((question) => [question.key, question]))
  const known = questions.filter(({ key }) => answers[key] !== undefined && answers[key] !== null).map(({ key }) => key)
  const unknown = Object.keys(answers).filter((key) => !byKey.has(key))
  const parts = [...known, ...unknown].map((key) => {
    const question = byKey.get(key)
    return t('answer.of_question', { question: question?.label ?? key, answer: shownAnswer(answers[key], question) })
  })
  return parts.join('; ') || t('answer.no_answers')
}

function optionLabel(key: unknown, question?: Question): string {
  return question?.options?.find((option) => option.key === key)?.label ?? String(key)
}

function withUnit(number: string, question?: Question): string {
  return question?.unit ? t('answer.with_unit', { number, unit: question.unit.label }) : number
}

function decimalsOf(value: number): number {
  const [, fraction = ''] = String(value).split('.')
  return Math.min(fraction.length, 10)
}
