/** The schema definition, version 2, as the server normalises it (docs/reference/label-schema.md). */
import type { Reading } from '../api/client'
import type { HangingRule } from '../viewer/hanging'
import { REGION_KINDS, type RegionKind } from '../viewer/types'

export type { HangingMatch, HangingPane, HangingRule } from '../viewer/hanging'

export interface CannotAssess {
  cannot_assess: true
}
export type Answer = string | readonly string[] | number | CannotAssess
export type Answers = Readonly<Record<string, Answer | null | undefined>>

export const SCOPES = ['study', 'series', 'instance', 'region'] as const
export type Scope = (typeof SCOPES)[number]
export const QUESTION_KINDS = ['one', 'many', 'ordinal', 'number', 'text'] as const
export type QuestionKind = (typeof QUESTION_KINDS)[number]

export interface Code {
  system: string
  value: string
  meaning: string
}

export interface Option {
  key: string
  label: string
  hotkey?: string
  code?: Code | null
}

export interface Unit {
  code: string
  label: string
}

export type Condition =
  | { question: string; is: Answer }
  | { question: string; any_of: readonly string[] }
  | { question: string; at_least: number }
  | { all: readonly Condition[] }
  | { any: readonly Condition[] }
  | { not: Condition }

/** Everything but key, label and kind may be absent: old definitions stay valid. */
export interface Question {
  key: string
  label: string
  kind: QuestionKind
  help?: string
  scope?: Scope
  required?: boolean
  required_if?: Condition | null
  show_if?: Condition | null
  default?: Answer | null
  allows_cannot_assess?: boolean
  is_normal?: Answer | null
  options?: readonly Option[]
  unit?: Unit | null
  minimum?: number | null
  maximum?: number | null
  decimals?: number | null
  max_length?: number | null
  code?: Code | null
  for_labels?: readonly string[] | null
}

export interface RegionLabel {
  key: string
  label: string
  colour?: string
  kinds?: readonly RegionKind[] | null
  code?: Code | null
}

export interface Segment {
  value: number
  label: string
  colour?: string
  layer?: number
  code?: Code | null
}

export const SUGGESTION_MODES = ['off', 'shown', 'after_first_impression'] as const
export type SuggestionMode = (typeof SUGGESTION_MODES)[number]

export interface ProjectOptions {
  hides_patient?: boolean
  /** Readers see them from the moment that suggestions are shown. */
  shows_explanations?: boolean
  suggestions?: SuggestionMode
}

export interface Definition {
  questions?: readonly Question[]
  region_labels?: readonly RegionLabel[]
  segments?: readonly Segment[]
  hanging?: readonly HangingRule[]
  options?: ProjectOptions
}

/** What the server serves as a definition: it has checked it, but its API file knows no recursion. */
export function definitionOf(served: object | undefined): Definition {
  return served ?? {}
}

export function scopeOf(question: { scope?: Scope | undefined }): Scope {
  return question.scope ?? 'study'
}

export function cannotAssess(answer: Answer | null | undefined): answer is CannotAssess {
  return typeof answer === 'object' && answer !== null && 'cannot_assess' in answer
}

/** What the open read was begun with. */
export function definitionOfRead(reading: Reading | null): Definition {
  return definitionOf(reading?.annotation.schema.definition)
}

/** What may be painted in it. */
export function segmentsOfRead(reading: Reading | null): readonly Segment[] {
  return definitionOfRead(reading).segments ?? []
}

/** Whether the schema lets a label be drawn so: the server refuses the whole draft otherwise. */
export function mayBeDrawn(
  { region_labels: labels = [] }: Definition, { label, kind }: { label: string; kind: RegionKind },
): boolean {
  return label === '' || kindsOf(labels, label).includes(kind)
}

/** The region kinds that may be drawn with a label; all where the schema does not say. */
export function kindsOf(labels: readonly RegionLabel[], key: string): readonly RegionKind[] {
  const label = labels.find((one) => one.key === key)
  if (!label) return []
  return label.kinds?.length ? label.kinds : REGION_KINDS
}
