/** Choose clinical values beside the image: columns of the project's table, or of DICOM headers. */
import { ActionIcon, Button, Group, MultiSelect, Select, Stack, Text, TextInput } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, good, type Schemas } from '../api/client'
import { t } from '../i18n'
import { Loaded } from '../ui/states'
import type { Column } from './inputDraft'

type Offers = Schemas['LearnableColumns']
type Offer = Schemas['LearnableColumn']

interface Props {
  projectId: string
  columns: readonly Column[]
  onChange: (columns: readonly Column[]) => void
}

export function ColumnPicker({ projectId, columns, onChange }: Props) {
  const [wanted, setWanted] = useState(columns.filter(({ source }) => source === 'dicom').map(({ name }) => name))
  const offers = useQuery({
    queryKey: ['learnable-columns', projectId, wanted],
    placeholderData: keepPreviousData,
    retry: false,
    queryFn: () =>
      good(
        api.GET('/api/v1/projects/{project_id}/learnable-columns', {
          params: { path: { project_id: projectId }, query: { keyword: wanted } },
        }),
      ),
  })
  const known = offers.isError ? wanted.slice(0, -1) : wanted // the last one was none
  return (
    <Stack gap="xs" data-testid="columns">
      <Loaded query={offers}>
        {(found) => <Chosen offers={found} columns={columns} onChange={onChange} />}
      </Loaded>
      <Keyword onAdd={(keyword) => setWanted([...new Set([...known, keyword])])} />
    </Stack>
  )
}

function Chosen({ offers, columns, onChange }: { offers: Offers; columns: Props['columns']; onChange: Props['onChange'] }) {
  const choose = (keys: string[]) =>
    onChange(
      keys.flatMap((key) => {
        const known = columns.find((one) => keyOf(one) === key)
        const offer = offers.columns.find((one) => keyOf(one) === key)
        return known ?? (offer ? [columnOf(offer)] : [])
      }),
    )
  const change = (changed: Column, missing: Column['missing']) =>
    onChange(columns.map((one) => (one === changed ? { ...one, missing } : one)))
  return (
    <>
      <MultiSelect
        label={t('columns.choose')}
        description={t('columns.help')}
        searchable
        data={grouped(offers, columns)}
        value={columns.map(keyOf)}
        onChange={choose}
      />
      {columns.map((column) => (
        <Group key={keyOf(column)} gap="sm" wrap="nowrap" align="end">
          <Select
            label={t('columns.missing_of', { name: column.name })}
            {...(column.categories.length > 0 && { description: t('columns.told_apart', { names: column.categories.join(', ') }) })}
            flex={1}
            data={[
              { value: 'exclude', label: t('columns.exclude') },
              { value: 'indicate', label: t('columns.indicate') },
            ]}
            value={column.missing}
            allowDeselect={false}
            onChange={(value) => change(column, value === 'indicate' ? 'indicate' : 'exclude')}
          />
          <ActionIcon
            variant="subtle"
            size="lg"
            aria-label={t('columns.remove', { name: column.name })}
            onClick={() => onChange(columns.filter((one) => one !== column))}
          >
            <IconX size={16} />
          </ActionIcon>
        </Group>
      ))}
    </>
  )
}

/** A DICOM keyword that is not among the usual ones. */
function Keyword({ onAdd }: { onAdd: (keyword: string) => void }) {
  const [keyword, setKeyword] = useState('')
  const add = () => {
    onAdd(keyword.trim())
    setKeyword('')
  }
  return (
    <Group align="end">
      <TextInput
        label={t('columns.keyword')}
        placeholder={t('columns.keyword_example')}
        flex={1}
        value={keyword}
        onChange={(event) => setKeyword(event.currentTarget.value)}
      />
      <Button variant="default" disabled={keyword.trim() === ''} onClick={add}>{t('columns.look_up')}</Button>
      <Text size="xs" c="dimmed" w="100%">{t('columns.privacy')}</Text>
    </Group>
  )
}

function columnOf({ name, source, categories }: Offer): Column {
  return { name, source, categories, missing: 'exclude' }
}

/** A column of the table may be called like a DICOM keyword. */
function keyOf({ source, name }: Pick<Column, 'source' | 'name'>) {
  return `${source}:${name}`
}

function grouped({ columns: offers, case_count }: Offers, chosen: readonly Column[]) {
  const item = (offer: Offer) => ({
    value: keyOf(offer),
    label: t('columns.offer', { name: offer.name, known: offer.case_count, count: case_count }),
    disabled: offer.case_count === 0 && !chosen.some((one) => keyOf(one) === keyOf(offer)),
  })
  const gone = chosen.filter((one) => !offers.some((offer) => keyOf(offer) === keyOf(one)))
  return [
    { group: t('columns.table'), items: offers.filter(({ source }) => source === 'table').map(item) },
    { group: t('columns.dicom'), items: offers.filter(({ source }) => source === 'dicom').map(item) },
    { group: t('columns.gone'), items: gone.map((one) => ({ value: keyOf(one), label: one.name })) },
  ].filter(({ items }) => items.length > 0)
}
