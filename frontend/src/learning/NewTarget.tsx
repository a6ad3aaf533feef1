/** Choose what a model shall learn (an answer, a drawing, or the time to an event) and from what. */
import { Button, Card, Group, NumberInput, Select, Stack, Switch, Text } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, good, type Schemas } from '../api/client'
import { t } from '../i18n'
import { showError } from '../ui/notify'
import { freshDraft, inputOf, purposeOf, type InputDraft } from './inputDraft'
import { InputForm } from './InputForm'
import { targetName } from '../labeling/targetText'

type Learnable = Schemas['Learnable']
const MOST_SLICES = 100 // as the server allows

interface Props {
  projectId: string
  known: readonly Schemas['Target'][]
}

export function NewTarget({ projectId, known }: Props) {
  const queries = useQueryClient()
  const [chosen, choose] = useState<string | null>(null)
  const [draft, setDraft] = useState<InputDraft | null>(null) // null: the usual input
  const [slices, setSlices] = useState(0) // of volumes with masks; 0: all of them
  const chooseAnew = (key: string | null) => {
    choose(key)
    setDraft(null)
    setSlices(0)
  }
  const path = { project_id: projectId }
  const learnables = useQuery({
    queryKey: ['learnables', projectId],
    queryFn: () => good(api.GET('/api/v1/projects/{project_id}/learnables', { params: { path } })),
  })
  const taken = new Set(known.map(keyOf))
  const left = (learnables.data ?? []).filter((one) => !taken.has(keyOf(one)))
  const wanted = left.find((one) => keyOf(one) === chosen)
  const asksSlices = wanted?.kind === 'segmentation' && (draft === null || draft.dimensions === '3d')
  const create = useMutation({
    mutationFn: ({ kind, question, options }: Learnable) =>
      good(
        api.POST('/api/v1/projects/{project_id}/targets', {
          params: { path },
          body: { kind, question, options: withSlices(options, asksSlices ? slices : 0), ...(draft && { input: inputOf(draft, purposeOf(kind)) }) },
        }),
      ),
    onSuccess: () => {
      chooseAnew(null)
      return queries.invalidateQueries()
    },
    onError: showError,
  })
  if (!learnables.isSuccess) return null
  if (left.length === 0) return <Text size="sm" c="dimmed">{t('target.nothing_left')}</Text>
  return (
    <Card withBorder padding="md" data-testid="new-target">
      <Stack>
        <Group align="end">
          <Select
            label={t('target.what')}
            w={420}
            searchable
            data={grouped(left)}
            value={chosen}
            onChange={chooseAnew}
          />
          <Button disabled={!wanted} loading={create.isPending} onClick={() => wanted && create.mutate(wanted)}>
            {t('target.begin')}
          </Button>
        </Group>
        {wanted && (
          <Switch
            label={t(wanted.kind === 'boxes' ? 'input.volumes' : 'input.choose')}
            description={t(wanted.kind === 'boxes' ? 'input.volumes_help' : 'input.choose_help')}
            checked={draft !== null}
            onChange={(event) => setDraft(event.currentTarget.checked ? freshDraft(purposeOf(wanted.kind)) : null)}
          />
        )}
        {asksSlices && (
          <NumberInput
            label={t('target.slices')}
            description={t('target.slices_help')}
            maw={420}
            min={0}
            max={MOST_SLICES}
            allowDecimal={false}
            value={slices}
            onChange={(value) => setSlices(Number(value))}
          />
        )}
        {wanted && draft && (
          <InputForm projectId={projectId} draft={draft} purpose={purposeOf(wanted.kind)} onChange={setDraft} />
        )}
      </Stack>
    </Card>
  )
}

function withSlices(options: Learnable['options'], slices: number): Learnable['options'] {
  return slices > 0 ? { ...options, slices } : options
}

function keyOf({ kind, question, options }: Pick<Schemas['Target'], 'kind' | 'question' | 'options'>): string {
  const { event_question, event_option, layer } = options
  return JSON.stringify([kind, question, event_question ?? null, event_option ?? null, layer ?? null])
}

function grouped(found: readonly Learnable[]) {
  const sections = {
    [t('target.group.answers')]: found.filter((one) => one.question !== '' && one.kind !== 'time_to_event' && one.scope === 'study'),
    [t('target.group.series')]: found.filter((one) => one.kind !== 'time_to_event' && one.scope === 'series'),
    [t('target.group.drawings')]: found.filter((one) => one.question === ''),
    [t('target.group.times')]: found.filter((one) => one.kind === 'time_to_event'),
  }
  return Object.entries(sections)
    .filter(([, items]) => items.length > 0)
    .map(([group, items]) => ({ group, items: items.map((one) => ({ value: keyOf(one), label: targetName({ kind: one.kind, labels: one.names }) })) }))
}
