/** Pure rules of answering: what a key press means, and what is still missing. */
import type { Question } from '../api/client'

export type Answer = string | string[] | null
export type Answers = Record<string, Answer>

export interface Content {
  answers: Answers
  [other: string]: unknown
}

/** The content of an annotation whatever state it was left in. */
export function contentOf(raw: unknown): Content {
  const body = typeof raw === 'object' && raw !== null ? raw : {}
  return { answers: {}, ...body }
}

/** The answers after choosing an option: `one` replaces, `many` toggles. */
export function choose(answers: Answers, question: Question, option: string): Answers {
  if (question.kind === 'one') return { ...answers, [question.key]: option }
  const current = answers[question.key]
  const chosen = Array.isArray(current) ? current : []
  const next = chosen.includes(option) ? chosen.filter((key) => key !== option) : [...chosen, option]
  const ordered = question.options.map((o) => o.key).filter((key) => next.includes(key))
  return { ...answers, [question.key]: ordered }
}

export function isChosen(answers: Answers, question: Question, option: string): boolean {
  const answer = answers[question.key]
  return Array.isArray(answer) ? answer.includes(option) : answer === option
}

/** The first required question without an answer. */
export function firstMissing(questions: Question[], answers: Answers): Question | null {
  return questions.find((q) => q.required && (answers[q.key] ?? null) === null) ?? null
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
