/** The quick half of the loop: the light head, what it may be believed, and whether to go on labeling. */
import { Badge, Card, Group, Select, Stack, Text, Title } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, good, type Schemas } from '../api/client'
import { formatNumber, t } from '../i18n'
import { showError } from '../ui/notify'
import { EncoderState } from './EncoderState'
import { FindingChoice } from './FindingChoice'
import { testText } from './headText'
import { HonestFigures } from './HonestFigures'
import { isBusy } from './jobState'

const REFRESH_MS = 3000

interface Props {
  projectId: string
  target: Schemas['Target']
  isManager: boolean
}

export function QuickLoop({ projectId, target, isManager }: Props) {
  const encoders = useQuery({
    queryKey: ['encoders', projectId],
    refetchInterval: REFRESH_MS,
    queryFn: () =>
      good(api.GET('/api/v1/projects/{project_id}/encoders', { params: { path: { project_id: projectId } } })),
  })
  const heads = useQuery({
    queryKey: ['heads', target.id],
    refetchInterval: REFRESH_MS,
    queryFn: () =>
      good(api.GET('/api/v1/targets/{target_id}/heads', { params: { path: { target_id: target.id } } })),
  })
  const newest = heads.data?.[0]
  return (
    <Card withBorder padding="md" data-testid="quick-loop">
      <Group justify="space-between" mb="xs">
        <Title order={3} size="h4">{t('quick.title')}</Title>
        {isManager && <StrategyChoice target={target} />}
        {isManager && target.head_strategy === 'rare' && <FindingChoice projectId={projectId} target={target} />}
      </Group>
      <Stack gap="sm">
        {encoders.isSuccess && <EncoderState encoder={encoders.data.find(isBusy) ?? encoders.data[0]} hasAnother={encoders.data.some(({ state }) => state === 'completed')} isManager={isManager} />}
        {newest ? <NewestHead head={newest} /> : <Text size="sm" c="dimmed">{t('quick.none')}</Text>}
        {newest && <HonestFigures projectId={projectId} target={target} basis={newest.id} />}
      </Stack>
    </Card>
  )
}

function StrategyChoice({ target }: { target: Schemas['Target'] }) {
  const queries = useQueryClient()
  const change = useMutation({
    mutationFn: (head_strategy: NonNullable<Schemas['Target']['head_strategy']>) =>
      good(
        api.PATCH('/api/v1/targets/{target_id}', {
          params: { path: { target_id: target.id } },
          body: { head_strategy },
        }),
      ),
    onSuccess: () => queries.invalidateQueries(),
    onError: showError,
  })
  return (
    <Select
      aria-label={t('quick.strategy')}
      size="xs"
      w={280}
      data={target.head_strategies.map((value) => ({ value, label: t(`strategy.${value}`) }))}
      value={target.head_strategy}
      allowDeselect={false}
      onChange={(value) => value && change.mutate(value)}
    />
  )
}

function NewestHead({ head }: { head: Schemas['HeadVersion'] }) {
  return (
    <Group gap="xs" data-testid="head" data-number={head.number}>
      <Badge color="teal" variant="light">{t('quick.head', { number: head.number })}</Badge>
      <Text size="sm">
        {[
          t('quick.labels', { count: head.training_labels }),
          testText(head),
          t('quick.seconds', { seconds: formatNumber(head.seconds, 1) }),
        ].join(', ')}
      </Text>
    </Group>
  )
}
