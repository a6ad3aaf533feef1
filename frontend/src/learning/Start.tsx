/** Where the rounds of a target begin: fresh, or with weights that are there. For managers. */
import { Button, Card, Group, Select, Stack, TextInput, Title } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, good, type Schemas } from '../api/client'
import { t } from '../i18n'
import { showError } from '../ui/notify'
import { Loaded } from '../ui/states'
import { REFRESH_MS } from './jobState'
import { Pretraining } from './Pretraining'

type Weights = Record<string, string>

const KINDS = ['model_version', 'encoder', 'file'] as const
const FRESH = '{}'

export function Start({ projectId, target }: { projectId: string; target: Schemas['Target'] }) {
  const queries = useQueryClient()
  const path = { target_id: target.id }
  const starts = useQuery({
    queryKey: ['starts', target.id],
    refetchInterval: 10 * REFRESH_MS, // rounds make models meanwhile
    queryFn: () => good(api.GET('/api/v1/targets/{target_id}/starts', { params: { path } })),
  })
  const change = useMutation({
    mutationFn: (start: Weights) =>
      good(api.PATCH('/api/v1/targets/{target_id}', { params: { path }, body: { start } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['targets'] }),
    onError: showError,
  })
  return (
    <Card withBorder padding="md" data-testid="start">
      <Title order={3} size="h4" mb="xs">{t('start.title')}</Title>
      <Loaded query={starts}>
        {({ choices, is_hub_allowed }) => (
          <Stack gap="sm">
            <Select
              label={t('start.choice')}
              data={groups(choices, target.start)}
              value={JSON.stringify(target.start)}
              allowDeselect={false}
              searchable
              onChange={(value) => value && change.mutate(JSON.parse(value) as Weights)}
            />
            {is_hub_allowed && <Hub onUse={(hub) => change.mutate({ hub })} isSending={change.isPending} />}
            <Pretraining projectId={projectId} targetId={target.id} />
          </Stack>
        )}
      </Loaded>
    </Card>
  )
}

function Hub({ onUse, isSending }: { onUse: (address: string) => void; isSending: boolean }) {
  const [address, setAddress] = useState('')
  return (
    <Group align="flex-end">
      <TextInput
        label={t('start.hub')}
        description={t('start.hub_help')}
        value={address}
        onChange={(event) => setAddress(event.currentTarget.value)}
        flex={1}
      />
      <Button variant="default" disabled={address === ''} loading={isSending} onClick={() => onUse(address.trim())}>
        {t('start.use')}
      </Button>
    </Group>
  )
}

/** The choices by kind; a start that is not among them (a hub) is listed by itself. */
function groups(choices: Schemas['StartChoice'][], current: Weights) {
  const listed = choices.map(({ kind, name, start }) => ({ kind, value: JSON.stringify(start), label: name }))
  const own = JSON.stringify(current)
  const isListed = own === FRESH || listed.some(({ value }) => value === own)
  return [
    { value: FRESH, label: t('start.fresh') },
    ...(isListed ? [] : [{ value: own, label: Object.values(current).join() }]),
    ...KINDS.map((kind) => ({
      group: t(`start.kind.${kind}`),
      items: listed.filter((one) => one.kind === kind).map(({ value, label }) => ({ value, label })),
    })).filter(({ items }) => items.length > 0),
  ]
}
