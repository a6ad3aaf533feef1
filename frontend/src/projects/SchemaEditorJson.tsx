/** The whole definition as JSON, for those who know it: everything the forms do not show. */
import { Textarea } from '@mantine/core'
import { useState } from 'react'
import { t } from '../i18n'
import type { Definition } from '../labeling/definition'
import { parseDefinition } from './schemaDraft'

interface Props {
  definition: Definition
  onChange: (definition: Definition) => void
  /** Empty where the text can be read. */
  onMistake: (mistake: string) => void
}

export function SchemaEditorJson({ definition, onChange, onMistake }: Props) {
  const [text, setText] = useState<string | null>(null)
  const [mistake, setMistake] = useState('')
  const type = (typed: string) => {
    const parsed = parseDefinition(typed)
    const found = 'mistake' in parsed ? t('schema.not_json', { mistake: parsed.mistake }) : ''
    setText(typed)
    setMistake(found)
    onMistake(found)
    if ('definition' in parsed) onChange(parsed.definition)
  }
  return (
    <Textarea
      aria-label={t('schema.json')}
      autosize
      minRows={20}
      maxRows={40}
      styles={{ input: { fontFamily: 'monospace' } }}
      spellCheck={false}
      value={text ?? JSON.stringify(definition, null, 2)}
      error={mistake || null}
      onChange={(event) => type(event.currentTarget.value)}
      onBlur={() => {
        if (mistake === '') setText(null)
      }}
    />
  )
}
