/** Answers that are typed: a number with its unit, and text. */
import { Text, TextInput } from '@mantine/core'
import { useId, useRef, useState, useSyncExternalStore } from 'react'
import { currentLanguage, formatNumber, t } from '../i18n'
import { GrowingField } from '../ui/GrowingField'
import { keyed } from './actions'
import { isSameJson, type Answer } from './content'
import type { Question } from './definition'
import { leaveOnEnter } from './focus'
import { numberText, parseNumber, type NumberProblem } from './numberText'
import type { FieldProps } from './QuestionPanel'
import type { Subject } from './questions'
import { typedNumbers, type TypedNumber } from './typedNumbers'

/** As the server has it where a question says nothing. */
const LONGEST_TEXT = 20_000
const FIELD_FIRST: ('input' | 'description')[] = ['input', 'description']

/** One visit of a field is one gesture: its keystrokes are undone together. */
function useGesture(): { name: () => string; begin: () => void } {
  const id = useId()
  const visits = useRef(0)
  return {
    name: () => `${id}:${visits.current}`,
    begin: () => {
      visits.current += 1
    },
  }
}

/** What stands in the field and does not fit; null where it does, or another answer has taken its place. */
export function useUnfit(subject: Subject, question: string, answer: Answer | null): TypedNumber | null {
  const typed = useSyncExternalStore(typedNumbers.subscribe, () => typedNumbers.at(subject, question))
  return typed && isSameJson(typed.stored, answer) ? typed : null
}

export function NumberField({ question, answer, isDisabled, subject, onAnswer }: FieldProps) {
  const gesture = useGesture()
  const stored = typeof answer === 'number' ? answer : null
  const [draft, setDraft] = useState<{ text: string; value: number | null } | null>(null)
  const unfit = useUnfit(subject, question.key, answer)
  const [isTyping, setTyping] = useState(false)
  // What was typed is shown as typed until the answer changes from elsewhere (undo, another tab).
  const asTyped = unfit ?? (draft?.value === stored ? draft : null)
  const text = asTyped?.text ?? (stored === null ? '' : numberText(stored, currentLanguage()))
  const problem = isTyping ? null : unfit?.problem

  const type = (typed: string) => {
    const parsed = parseNumber(typed, question)
    if ('problem' in parsed) {
      typedNumbers.write(subject, question.key, { text: typed, problem: parsed.problem, stored: answer })
      return
    }
    typedNumbers.write(subject, question.key, null)
    setDraft({ text: typed, value: parsed.value })
    onAnswer(question.key, parsed.value, gesture.name())
  }
  const complaint = problem && problemText(problem, question)
  return (
    <TextInput
      {...keyed('question_type')}
      aria-label={question.label}
      inputMode="decimal"
      autoComplete="off"
      value={text}
      disabled={isDisabled}
      error={complaint}
      description={complaint === rangeText(question) ? null : rangeText(question)}
      inputWrapperOrder={['input', 'description', 'error']}
      rightSection={question.unit ? <Text size="sm" c="dimmed">{question.unit.label}</Text> : null}
      rightSectionWidth={question.unit ? `${question.unit.label.length + 2}ch` : 0}
      onFocus={() => {
        gesture.begin()
        setTyping(true)
      }}
      onBlur={() => setTyping(false)}
      onChange={(event) => type(event.currentTarget.value)}
      onKeyDown={leaveOnEnter}
    />
  )
}

export function TextField({ question, answer, isDisabled, onAnswer }: FieldProps) {
  const gesture = useGesture()
  const text = typeof answer === 'string' ? answer : ''
  const limit = question.max_length ?? null
  return (
    <GrowingField
      {...keyed('question_type')}
      aria-label={question.label}
      minRows={2}
      maxRows={8}
      value={text}
      disabled={isDisabled}
      maxLength={limit ?? LONGEST_TEXT}
      description={limit === null ? null : t('question.characters', { used: text.length, limit })}
      inputWrapperOrder={FIELD_FIRST}
      onFocus={gesture.begin}
      onChange={(event) => {
        const { value } = event.currentTarget
        onAnswer(question.key, value === '' ? null : value, gesture.name())
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape' || (event.key === 'Enter' && event.ctrlKey)) event.currentTarget.blur()
      }}
    />
  )
}

function shown(value: number, question: Question): string {
  return question.decimals === undefined || question.decimals === null
    ? numberText(value, currentLanguage())
    : formatNumber(value, question.decimals)
}

function rangeText(question: Question): string | null {
  const { minimum, maximum } = question
  const low = typeof minimum === 'number' ? shown(minimum, question) : null
  const high = typeof maximum === 'number' ? shown(maximum, question) : null
  if (low !== null && high !== null) return t('question.range', { low, high })
  if (low !== null) return t('question.at_least', { low })
  return high === null ? null : t('question.at_most', { high })
}

function problemText(problem: NumberProblem, question: Question): string {
  if (problem === 'not_a_number') return t('question.not_a_number')
  if (problem === 'too_many_decimals') return t('question.too_many_decimals', { count: question.decimals ?? 0 })
  return rangeText(question) ?? t('question.not_a_number')
}
