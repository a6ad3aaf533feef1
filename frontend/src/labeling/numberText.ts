/** Numbers as people type them: comma or point, with limits that the question sets. Pure. */
import type { Question } from './definition'

export type NumberProblem = 'not_a_number' | 'too_small' | 'too_large' | 'too_many_decimals'
export type ParsedNumber = { value: number | null } | { problem: NumberProblem }

const NUMBER = /^[+-]?(\d+([.,]\d*)?|[.,]\d+)$/

/** Empty text is no answer; a group separator is refused because it could be a decimal point. */
export function parseNumber(text: string, question: Question): ParsedNumber {
  const typed = text.trim().replace('\u2212', '-')
  if (typed === '') return { value: null }
  if (!NUMBER.test(typed)) return { problem: 'not_a_number' }
  const value = Number(typed.replace(',', '.'))
  const [, fraction = ''] = typed.split(/[.,]/)
  const { minimum, maximum, decimals } = question
  if (typeof decimals === 'number' && fraction.replace(/0+$/, '').length > decimals) return { problem: 'too_many_decimals' }
  if (typeof minimum === 'number' && value < minimum) return { problem: 'too_small' }
  if (typeof maximum === 'number' && value > maximum) return { problem: 'too_large' }
  return { value }
}

/** A stored number with the decimal sign of a language. */
export function numberText(value: number, language: string): string {
  const sign = new Intl.NumberFormat(language).formatToParts(1.5).find(({ type }) => type === 'decimal')?.value ?? '.'
  return String(value).replace('.', sign)
}
