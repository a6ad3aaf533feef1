/** Narrows the items of a dataset down by split, agreed answer and name. */
import { Group, SegmentedControl, Select, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { useState } from 'react'
import { t } from '../i18n'
import type { Question } from '../labeling/definition'
import { answerChoices, SPLITS, type ItemFilter } from './itemFilter'

interface Props {
  filter: ItemFilter
  questions: readonly Question[]
  onChange: (part: Partial<ItemFilter>) => void
}

const ALL = 'all'
/** As long as somebody types, nothing is asked. */
const PAUSE_MS = 300

export function ItemFilters({ filter, questions, onChange }: Props) {
  const [text, setText] = useState(filter.search)
  const search = useDebouncedCallback((typed: string) => onChange({ search: typed }), PAUSE_MS)
  const type = (typed: string) => {
    setText(typed)
    search(typed)
  }
  const splits = SPLITS.map((split) => ({ value: split, label: t(`model_page.split_${split}`) }))
  return (
    <Group mb="md" role="search">
      <SegmentedControl aria-label={t('dataset.split')} value={filter.split ?? ALL} data={[{ value: ALL, label: t('dataset.all_splits') }, ...splits]}
        onChange={(value) => onChange({ split: SPLITS.find((split) => split === value) ?? null })} />
      <Select clearable searchable w="18rem" aria-label={t('dataset.answer')} placeholder={t('dataset.any_answer')} value={filter.answer}
        data={answerChoices(questions)} onChange={(answer) => onChange({ answer })} />
      <TextInput type="search" w="16rem" aria-label={t('dataset.search')} placeholder={t('dataset.search_example')} maxLength={100} value={text}
        onChange={(event) => type(event.currentTarget.value)} />
    </Group>
  )
}
