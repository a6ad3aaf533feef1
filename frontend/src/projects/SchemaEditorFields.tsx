/** Small fields that several of the schema's forms share: codes, word lists, numbers, conditions. */
import { Group, NumberInput, Select, TextInput } from '@mantine/core'
import { useState } from 'react'
import { t } from '../i18n'
import type { Code, Condition, Question } from '../labeling/definition'
import { conditionOf, conditionSources, simpleOf, type SimpleCondition } from './schemaDraft'

const NO_CODE: Code = { system: '', value: '', meaning: '' }

export function CodeFields({ code, onChange }: { code: Code | null | undefined; onChange: (code: Code | undefined) => void }) {
  const now = code ?? NO_CODE
  const change = (part: Partial<Code>) => {
    const next = { ...now, ...part }
    onChange(next.system === '' && next.value === '' && next.meaning === '' ? undefined : next)
  }
  return (
    <Group gap="xs" grow>
      <TextInput size="xs" label={t('schema.code_system')} placeholder={t('schema.code_example')} value={now.system} onChange={(event) => change({ system: event.currentTarget.value })} />
      <TextInput size="xs" label={t('schema.code_value')} value={now.value} onChange={(event) => change({ value: event.currentTarget.value })} />
      <TextInput size="xs" label={t('schema.code_meaning')} value={now.meaning} onChange={(event) => change({ meaning: event.currentTarget.value })} />
    </Group>
  )
}

interface WordsProps {
  label: string
  words: readonly string[] | null | undefined
  onChange: (words: string[] | undefined) => void
}

/** Several short words in one field, divided by commas. */
export function WordsField({ label, words, onChange }: WordsProps) {
  const [draft, setDraft] = useState<string | null>(null)
  return (
    <TextInput
      size="xs"
      label={label}
      description={t('schema.words_help')}
      value={draft ?? (words ?? []).join(', ')}
      onChange={(event) => {
        const text = event.currentTarget.value
        const found = text.split(',').map((word) => word.trim()).filter((word) => word !== '')
        setDraft(text)
        onChange(found.length === 0 ? undefined : found)
      }}
      onBlur={() => setDraft(null)}
    />
  )
}

interface LimitProps {
  label: string
  value: number | null | undefined
  minimum?: number
  onChange: (value: number | undefined) => void
}

export function LimitField({ label, value, minimum, onChange }: LimitProps) {
  return (
    <NumberInput
      size="xs"
      label={label}
      value={value ?? ''}
      {...(minimum === undefined ? {} : { min: minimum })}
      onChange={(given) => onChange(typeof given === 'number' ? given : undefined)}
    />
  )
}

interface ConditionProps {
  label: string
  question: Question
  questions: readonly Question[]
  condition: Condition | null | undefined
  onChange: (condition: Condition | undefined) => void
}

/** One comparison; conditions made of several are kept and edited as JSON. */
export function ConditionField({ label, question, questions, condition, onChange }: ConditionProps) {
  const sources = conditionSources(question, questions)
  const simple = condition ? simpleOf(condition) : null
  if (condition && !simple) {
    return <TextInput size="xs" label={label} readOnly value={JSON.stringify(condition)} description={t('schema.condition_json')} />
  }
  const change = (next: SimpleCondition) => onChange(conditionOf(next, sources.find(({ key }) => key === next.question)))
  const asked = sources.find(({ key }) => key === simple?.question)
  return (
    <Group gap="xs" align="end" grow>
      <Select
        size="xs"
        label={label}
        placeholder={t('schema.always')}
        clearable
        clearButtonProps={{ 'aria-label': t('schema.clear_condition', { condition: label }) }}
        data={sources.map(({ key, label: text }) => ({ value: key, label: text }))}
        value={simple?.question ?? null}
        onChange={(key) => (key === null ? onChange(undefined) : change({ question: key, operator: 'is', value: firstValue(sources, key) }))}
      />
      {simple && (
        <>
          <Select
            size="xs"
            aria-label={t('schema.operator')}
            allowDeselect={false}
            data={(['is', 'any_of', 'at_least'] as const).map((value) => ({ value, label: t(`operator.${value}`) }))}
            value={simple.operator}
            onChange={(operator) => operator && change({ ...simple, operator: operator })}
          />
          {simple.operator === 'is' && asked?.options ? (
            <Select
              size="xs"
              aria-label={t('schema.value')}
              allowDeselect={false}
              data={asked.options.map(({ key, label: text }) => ({ value: key, label: text }))}
              value={simple.value}
              onChange={(value) => value !== null && change({ ...simple, value })}
            />
          ) : (
            <TextInput size="xs" aria-label={t('schema.value')} value={simple.value} onChange={(event) => change({ ...simple, value: event.currentTarget.value })} />
          )}
        </>
      )}
    </Group>
  )
}

function firstValue(sources: readonly Question[], key: string): string {
  return sources.find((one) => one.key === key)?.options?.[0]?.key ?? ''
}
