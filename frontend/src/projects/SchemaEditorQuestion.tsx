/** The form of one question: its words, kind, limits, options and when it is asked. */
import { Checkbox, Group, Select, SimpleGrid, Stack, TextInput } from '@mantine/core'
import { t } from '../i18n'
import { QUESTION_KINDS, SCOPES, scopeOf, type Option, type Question, type RegionLabel } from '../labeling/definition'
import { CodeFields, ConditionField, LimitField, WordsField } from './SchemaEditorFields'
import { SchemaEditorList } from './SchemaEditorList'
import { hasOptions, keyFrom, withField, withKind, withLabel } from './schemaDraft'

interface Props {
  question: Question
  questions: readonly Question[]
  labels: readonly RegionLabel[]
  /** Keys that stand in data already. */
  published: readonly string[]
  onChange: (question: Question) => void
}

export function SchemaEditorQuestion({ question, questions, labels, published, onChange }: Props) {
  const set = <K extends keyof Question>(field: K, value: Question[K] | undefined) => onChange(withField(question, field, value))
  const others = questions.filter((one) => one !== question).map(({ key }) => key)
  return (
    <Stack gap="xs">
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="xs">
        <TextInput size="xs" label={t('schema.label')} required value={question.label} onChange={(event) => onChange(withLabel(question, event.currentTarget.value, others, published.includes(question.key)))} />
        <TextInput size="xs" label={t('schema.key')} description={t('schema.key_help')} required value={question.key} onChange={(event) => onChange({ ...question, key: event.currentTarget.value })} />
        <Select size="xs" label={t('schema.kind')} allowDeselect={false} value={question.kind}
          data={QUESTION_KINDS.map((value) => ({ value, label: t(`kind.${value}`) }))}
          onChange={(kind) => kind && onChange(withKind(question, kind))} />
        <Select size="xs" label={t('schema.scope')} allowDeselect={false} value={scopeOf(question)}
          data={SCOPES.map((value) => ({ value, label: t(`scope.${value}`) }))}
          onChange={(scope) => scope && onChange({ ...question, scope: scope })} />
      </SimpleGrid>
      <TextInput size="xs" label={t('schema.help')} value={question.help ?? ''} onChange={(event) => set('help', event.currentTarget.value)} />
      <Group>
        <Checkbox size="xs" label={t('schema.required')} checked={question.required ?? true} onChange={(event) => onChange({ ...question, required: event.currentTarget.checked })} />
        <Checkbox size="xs" label={t('schema.cannot_assess')} checked={question.allows_cannot_assess ?? false} onChange={(event) => set('allows_cannot_assess', event.currentTarget.checked)} />
      </Group>
      {scopeOf(question) === 'region' && (
        <WordsField label={t('schema.for_labels', { labels: labels.map(({ key }) => key).join(', ') })} words={question.for_labels} onChange={(words) => set('for_labels', words)} />
      )}
      {question.kind === 'number' && <NumberLimits question={question} onChange={onChange} />}
      {question.kind === 'text' && <LimitField label={t('schema.max_length')} minimum={1} value={question.max_length} onChange={(value) => set('max_length', value)} />}
      {hasOptions(question) && <Options question={question} onChange={onChange} />}
      <ConditionField label={t('schema.show_if')} question={question} questions={questions} condition={question.show_if} onChange={(condition) => set('show_if', condition)} />
      <ConditionField label={t('schema.required_if')} question={question} questions={questions} condition={question.required_if}
        onChange={(condition) => onChange(withField(condition ? { ...question, required: false } : question, 'required_if', condition))} />
      <CodeFields code={question.code} onChange={(code) => set('code', code)} />
    </Stack>
  )
}

function NumberLimits({ question, onChange }: Pick<Props, 'question' | 'onChange'>) {
  const { unit, minimum, maximum, decimals } = question
  const set = <K extends keyof Question>(field: K, value: Question[K] | undefined) => onChange(withField(question, field, value))
  return (
    <Group gap="xs" grow align="end">
      <TextInput size="xs" label={t('schema.unit')} placeholder={t('schema.unit_example')} value={unit?.code ?? ''}
        onChange={(event) => {
          const code = event.currentTarget.value
          set('unit', code === '' ? undefined : { code, label: code })
        }} />
      <LimitField label={t('schema.minimum')} value={minimum} onChange={(value) => set('minimum', value)} />
      <LimitField label={t('schema.maximum')} value={maximum} onChange={(value) => set('maximum', value)} />
      <LimitField label={t('schema.decimals')} minimum={0} value={decimals} onChange={(value) => set('decimals', value)} />
    </Group>
  )
}

function Options({ question, onChange }: Pick<Props, 'question' | 'onChange'>) {
  const options = question.options ?? []
  const hasKeys = scopeOf(question) === 'study'
  const normal = typeof question.is_normal === 'string' ? question.is_normal : null
  return (
    <fieldset style={{ border: 0, padding: 0, margin: 0 }}>
      <legend style={{ padding: 0 }}>{t('schema.options')}</legend>
      <SchemaEditorList<Option>
        isCompact
        items={options}
        nameOf={({ label, key }) => label || key}
        addLabel={t('schema.add_option')}
        onAdd={() => {
          const label = t('schema.new_option', { number: options.length + 1 })
          return { key: keyFrom(label, options.map(({ key }) => key)), label }
        }}
        onChange={(changed) => onChange({ ...question, options: changed })}
      >
        {(option, change) => <OptionFields option={option} hasKeys={hasKeys} onChange={change} />}
      </SchemaEditorList>
      {question.kind !== 'many' && options.length > 0 && (
        <Select size="xs" mt={6} label={t('schema.is_normal')} placeholder={t('schema.nothing')} clearable
          clearButtonProps={{ 'aria-label': t('schema.clear_normal') }}
          data={options.map(({ key, label }) => ({ value: key, label }))} value={normal}
          onChange={(key) => onChange(withField(question, 'is_normal', key ?? undefined))} />
      )}
    </fieldset>
  )
}

function OptionFields({ option, hasKeys, onChange }: { option: Option; hasKeys: boolean; onChange: (option: Option) => void }) {
  return (
    <Group gap="xs" wrap="nowrap" align="end">
      <TextInput size="xs" label={t('schema.label')} style={{ flex: 2 }} value={option.label} onChange={(event) => onChange({ ...option, label: event.currentTarget.value })} />
      <TextInput size="xs" label={t('schema.key')} style={{ flex: 1 }} value={option.key} onChange={(event) => onChange({ ...option, key: event.currentTarget.value })} />
      {hasKeys && (
        <TextInput size="xs" label={t('schema.hotkey')} w="4.5rem" maxLength={1} placeholder={t('schema.hotkey_auto')} value={option.hotkey ?? ''}
          onChange={(event) => onChange(withField(option, 'hotkey', event.currentTarget.value.toLowerCase()))} />
      )}
    </Group>
  )
}
