/** Pure steps of editing a schema: lists, keys from labels, conditions, and what a publication would refuse. */
import {
  scopeOf, type Answer, type Condition, type Definition, type Option, type Question,
} from '../labeling/definition'
import { isFreeForAnswers } from '../labeling/keymap'

export function replaced<T>(list: readonly T[], index: number, value: T): T[] {
  return list.map((one, at) => (at === index ? value : one))
}

export function removed<T>(list: readonly T[], index: number): T[] {
  return list.filter((_, at) => at !== index)
}

/** The list with one element moved by one place; unchanged at either end. */
export function moved<T>(list: readonly T[], index: number, by: -1 | 1): T[] {
  const result = [...list]
  const [one, other] = [list[index], list[index + by]]
  if (one === undefined || other === undefined) return result
  result[index] = other
  result[index + by] = one
  return result
}

/** The part with one field set, or left out where it says nothing. */
export function withField<T extends object, K extends keyof T>(part: T, field: K, value: T[K] | undefined): T {
  const rest = Object.fromEntries(Object.entries(part).filter(([key]) => key !== field)) as T
  return value === undefined || value === null || value === '' ? rest : { ...rest, [field]: value }
}

const MAX_KEY = 40

/** A key made of a label ("Largest diameter" becomes "largest_diameter"), different from those taken. */
export function keyFrom(label: string, taken: readonly string[]): string {
  const plain = label.normalize('NFKD').toLowerCase().replaceAll('ß', 'ss').replaceAll(/\p{M}/gu, '')
  const words = plain.replaceAll(/[^a-z0-9]+/g, '_').replaceAll(/^_+|_+$/g, '')
  const stem = (/^[a-z]/.test(words) ? words : `k_${words}`).slice(0, MAX_KEY - 3).replace(/_+$/, '')
  for (let number = 1; ; number++) {
    const key = number === 1 ? stem : `${stem}_${number}`
    if (!taken.includes(key)) return key
  }
}

export function newQuestion(label: string, taken: readonly string[]): Question {
  return { key: keyFrom(label, taken), label, kind: 'one', scope: 'study', required: true, options: [] }
}

/** A choice between answers, in the words that readers see. */
export function firstQuestion(label: string, answers: readonly string[]): Question {
  const options: Option[] = []
  for (const answer of answers) options.push({ key: keyFrom(answer, options.map(({ key }) => key)), label: answer })
  return { ...newQuestion(label, []), options }
}

/** A question with another label; its key follows while it was made of the label and nobody has read it. */
export function withLabel(question: Question, label: string, others: readonly string[], isPublished: boolean): Question {
  const follows = !isPublished && question.key === keyFrom(question.label, others)
  return { ...question, label, ...(follows ? { key: keyFrom(label, others) } : {}) }
}

export function hasOptions({ kind }: Question): boolean {
  return kind === 'one' || kind === 'many' || kind === 'ordinal'
}

/** The fields that only some kinds have; answers (default, is_normal) fit one or two kinds alone. */
const FIELDS: Readonly<Record<Question['kind'], readonly string[]>> = {
  one: ['options', 'default', 'is_normal'],
  ordinal: ['options', 'default', 'is_normal'],
  many: ['options'],
  number: ['unit', 'minimum', 'maximum', 'decimals'],
  text: ['max_length'],
}
const OF_SOME_KIND = new Set(Object.values(FIELDS).flat())

/** A question after its kind changed: what belongs to the old kind alone is dropped. */
export function withKind(question: Question, kind: Question['kind']): Question {
  const isKept = (field: string) =>
    !OF_SOME_KIND.has(field) || (FIELDS[kind].includes(field) && FIELDS[question.kind].includes(field))
  const kept = Object.fromEntries(Object.entries(question).filter(([field]) => isKept(field))) as unknown as Question
  const changed = { ...kept, kind }
  return hasOptions(changed) ? { ...changed, options: question.options ?? [] } : changed
}

/** A condition that one line of a form can show; null for those made of several. */
export interface SimpleCondition {
  question: string
  operator: 'is' | 'any_of' | 'at_least'
  value: string
}

export function simpleOf(condition: Condition): SimpleCondition | null {
  if (!('question' in condition)) return null
  const { question } = condition
  if ('any_of' in condition) return { question, operator: 'any_of', value: condition.any_of.join(' ') }
  if ('at_least' in condition) return { question, operator: 'at_least', value: String(condition.at_least) }
  const { is } = condition
  return typeof is === 'string' || typeof is === 'number' ? { question, operator: 'is', value: String(is) } : null
}

export function conditionOf({ question, operator, value }: SimpleCondition, asked: Question | undefined): Condition {
  if (operator === 'any_of') return { question, any_of: value.split(/[\s,]+/).filter((key) => key !== '') }
  if (operator === 'at_least') return { question, at_least: Number(value.replace(',', '.')) || 0 }
  const is: Answer = asked?.kind === 'number' ? Number(value.replace(',', '.')) || 0 : asked?.kind === 'many' ? [value] : value
  return { question, is }
}

/** Questions that a condition of this one may name: of the study, or of the same scope. */
export function conditionSources(question: Question, questions: readonly Question[]): Question[] {
  return questions.filter((one) => one.key !== question.key && (scopeOf(one) === 'study' || scopeOf(one) === scopeOf(question)))
}

export type DraftProblem =
  | { kind: 'hotkey_taken'; hotkey: string; label: string }
  | { kind: 'hotkey_used_twice'; hotkey: string; label: string }
  | { kind: 'too_few_options'; label: string }
  | { kind: 'no_label'; key: string }

/** What would hinder readers, found before the server is asked; it has the last word. */
export function draftProblems({ questions = [] }: Definition): DraftProblem[] {
  const used = new Set<string>()
  return questions.flatMap((question): DraftProblem[] => {
    const options = question.options ?? []
    const fewest = question.kind === 'many' ? 1 : 2
    return [
      ...(question.label.trim() === '' ? [{ kind: 'no_label' as const, key: question.key }] : []),
      ...(hasOptions(question) && options.length < fewest ? [{ kind: 'too_few_options' as const, label: question.label }] : []),
      ...options.flatMap((option) => hotkeyProblem(option, used)),
    ]
  })
}

function hotkeyProblem({ hotkey = '', label }: Option, used: Set<string>): DraftProblem[] {
  if (hotkey === '') return []
  if (!isFreeForAnswers(hotkey)) return [{ kind: 'hotkey_taken', hotkey, label }]
  if (used.has(hotkey)) return [{ kind: 'hotkey_used_twice', hotkey, label }]
  used.add(hotkey)
  return []
}

/** The definition in a text; the reader of the text's mistake where it is none. */
export function parseDefinition(text: string): { definition: Definition } | { mistake: string } {
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return { mistake: '{ }' }
    return { definition: parsed }
  } catch (error) {
    return { mistake: error instanceof Error ? error.message : String(error) }
  }
}
