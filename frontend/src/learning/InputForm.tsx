/** What the network of a new target sees: which series, on which grid, and which clinical values. */
import { ActionIcon, Button, Group, NumberInput, SegmentedControl, Select, Stack, TextInput } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { t } from '../i18n'
import { ColumnPicker } from './ColumnPicker'
import { DIMENSIONS, freshSeries, PLANES, type InputDraft, type SeriesDraft, type Purpose } from './inputDraft'

interface Props {
  projectId: string
  draft: InputDraft
  purpose: Purpose
  onChange: (draft: InputDraft) => void
}

export function InputForm({ projectId, draft, purpose, onChange }: Props) {
  const change = (changes: Partial<InputDraft>) => onChange({ ...draft, ...changes })
  return (
    <Stack gap="md">
      <Grid draft={draft} purpose={purpose} onChange={change} />
      <SeriesList draft={draft} purpose={purpose} onChange={change} />
      {purpose === 'answers' && (
        <ColumnPicker projectId={projectId} columns={draft.columns} onChange={(columns) => change({ columns })} />
      )}
    </Stack>
  )
}

interface PartProps {
  draft: InputDraft
  purpose: Purpose
  onChange: (changes: Partial<InputDraft>) => void
}

function Grid({ draft, purpose, onChange }: PartProps) {
  return (
    <Group align="end">
      {purpose !== 'boxes' && (
        <Select
          label={t('input.dimensions')}
          data={DIMENSIONS.map((value) => ({ value, label: t(`input.dimensions.${value}`) }))}
          value={draft.dimensions}
          allowDeselect={false}
          onChange={(value) => onChange({ dimensions: DIMENSIONS.find((one) => one === value) ?? '2d' })}
        />
      )}
      {purpose === 'boxes' && (
        <Select
          label={t('input.at_once')}
          w={420}
          data={[
            { value: 'whole', label: t('input.at_once.whole') },
            { value: 'windows', label: t('input.at_once.windows') },
          ]}
          value={draft.inWindows ? 'windows' : 'whole'}
          allowDeselect={false}
          onChange={(value) => onChange({ inWindows: value === 'windows' })}
        />
      )}
      <NumberInput
        label={t('input.side')}
        w={120}
        min={16}
        max={1024}
        step={draft.inWindows ? 8 : 1}
        value={draft.side}
        onChange={(value) => onChange({ side: Number(value) })}
      />
      {draft.dimensions !== '2d' && (
        <NumberInput
          label={t('input.slices')}
          w={120}
          min={4}
          max={512}
          step={draft.inWindows ? 8 : 1}
          value={draft.slices}
          onChange={(value) => onChange({ slices: Number(value) })}
        />
      )}
    </Group>
  )
}

function SeriesList({ draft, purpose, onChange }: PartProps) {
  const { series, isApart } = draft
  const change = (place: number, changes: Partial<SeriesDraft>) =>
    onChange({ series: series.map((one, at) => (at === place ? { ...one, ...changes } : one)) })
  const add = () => onChange({ series: [...series, freshSeries(t('input.series_name', { number: series.length + 1 }))] })
  return (
    <Stack gap="xs">
      {series.map((one, place) => (
        <SeriesRow
          key={place}
          series={one}
          onChange={(changes) => change(place, changes)}
          onRemove={series.length > 1 ? () => onChange({ series: series.filter((other) => other !== one) }) : null}
        />
      ))}
      <Group>
        <Button variant="default" size="xs" onClick={add}>{t('input.add_series')}</Button>
        {series.length > 1 && purpose !== 'boxes' && (
          <SegmentedControl
            size="xs"
            aria-label={t('input.series_enter')}
            data={[
              { value: 'together', label: t('input.together') },
              { value: 'apart', label: t('input.apart') },
            ]}
            value={isApart ? 'apart' : 'together'}
            onChange={(value) => onChange({ isApart: value === 'apart' })}
          />
        )}
      </Group>
    </Stack>
  )
}

interface SeriesRowProps {
  series: SeriesDraft
  onChange: (changes: Partial<SeriesDraft>) => void
  onRemove: (() => void) | null
}

function SeriesRow({ series, onChange, onRemove }: SeriesRowProps) {
  return (
    <Group align="end" gap="sm" data-testid="series-rule">
      <TextInput
        label={t('input.name')}
        w={140}
        value={series.name}
        onChange={(event) => onChange({ name: event.currentTarget.value })}
      />
      <TextInput
        label={t('input.modality')}
        placeholder={t('input.any')}
        w={100}
        value={series.modality}
        onChange={(event) => onChange({ modality: event.currentTarget.value })}
      />
      <TextInput
        label={t('input.description')}
        placeholder={t('input.any')}
        flex={1}
        miw={140}
        value={series.description}
        onChange={(event) => onChange({ description: event.currentTarget.value })}
      />
      <Select
        label={t('input.plane')}
        w={120}
        data={PLANES.map((value) => ({ value, label: t(`input.plane.${value}`) }))}
        value={series.plane}
        allowDeselect={false}
        onChange={(value) => onChange({ plane: PLANES.find((one) => one === value) ?? 'any' })}
      />
      {onRemove && (
        <ActionIcon variant="subtle" size="lg" aria-label={t('input.remove', { name: series.name })} onClick={onRemove}>
          <IconX size={16} />
        </ActionIcon>
      )}
    </Group>
  )
}
