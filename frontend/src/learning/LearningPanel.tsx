/** What the model learns, how well, and the round that runs now. */
import { Alert, Badge, Button, Group, Progress, Select, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, good, type Round, type Schemas } from '../api/client'
import { Empty, Loaded } from '../ui/states'
import { LearningCurve } from './LearningCurve'

const REFRESH_MS = 1500
const STRATEGIES = [
  { value: 'margin', label: 'Smallest margin' },
  { value: 'entropy', label: 'Highest entropy' },
  { value: 'least_confident', label: 'Least confident' },
  { value: 'random', label: 'Random (control)' },
]
const showError = (error: Error) => notifications.show({ color: 'red', message: error.message })

interface Props {
  projectId: string
  isManager: boolean
}

export function LearningPanel({ projectId, isManager }: Props) {
  const targets = useQuery({
    queryKey: ['targets', projectId],
    queryFn: () =>
      good(
        api.GET('/api/v1/projects/{project_id}/targets', { params: { path: { project_id: projectId } } }),
      ),
  })
  return (
    <Loaded query={targets}>
      {(found) =>
        found.length === 0 ? (
          <Empty title="Nothing is learned yet">
            Choose a question with one answer as a target; a model then learns it and orders the worklist.
          </Empty>
        ) : (
          <Stack gap="xl">
            {found.map((target) => (
              <TargetView key={target.id} target={target} isManager={isManager} />
            ))}
          </Stack>
        )
      }
    </Loaded>
  )
}

function TargetView({ target, isManager }: { target: Schemas['Target']; isManager: boolean }) {
  const queries = useQueryClient()
  const path = { target_id: target.id }
  const rounds = useQuery({
    queryKey: ['rounds', target.id],
    refetchInterval: REFRESH_MS,
    queryFn: () => good(api.GET('/api/v1/targets/{target_id}/rounds', { params: { path } })),
  })
  const newest = rounds.data?.[0]
  const curve = useQuery({
    queryKey: ['curve', target.id, newest?.id, newest?.state],
    queryFn: () => good(api.GET('/api/v1/targets/{target_id}/learning-curve', { params: { path } })),
  })
  const refresh = () => queries.invalidateQueries()
  const begin = useMutation({
    mutationFn: () => good(api.POST('/api/v1/targets/{target_id}/rounds', { params: { path } })),
    onSuccess: refresh,
    onError: showError,
  })
  const change = useMutation({
    mutationFn: (strategy: Schemas['Target']['strategy']) =>
      good(api.PATCH('/api/v1/targets/{target_id}', { params: { path }, body: { strategy } })),
    onSuccess: refresh,
    onError: showError,
  })
  const isBusy = newest?.state === 'pending' || newest?.state === 'running'
  return (
    <div>
      <Group justify="space-between" mb="sm">
        <Group>
          <Title order={3}>{target.question}</Title>
          <Text size="sm" c="dimmed">
            {target.retrain_after ? `a round after ${target.retrain_after} new reads` : 'rounds by hand'}
          </Text>
        </Group>
        {isManager && (
          <Group>
            <Select
              aria-label="Strategy"
              size="xs"
              data={STRATEGIES}
              value={target.strategy}
              allowDeselect={false}
              onChange={(value) => value && change.mutate(value as Schemas['Target']['strategy'])}
            />
            <Button loading={begin.isPending} disabled={isBusy} onClick={() => begin.mutate()}>
              Start a round
            </Button>
          </Group>
        )}
      </Group>
      {newest && <NewestRound round={newest} isManager={isManager} onChange={refresh} />}
      <SimpleGrid cols={{ base: 1, md: 2 }} mt="md">
        <Loaded query={curve}>{(points) => <LearningCurve points={points} />}</Loaded>
        <ModelVersions targetId={target.id} newest={newest} isManager={isManager} onChange={refresh} />
      </SimpleGrid>
    </div>
  )
}

interface NewestRoundProps {
  round: Round
  isManager: boolean
  onChange: () => unknown
}

function NewestRound({ round, isManager, onChange }: NewestRoundProps) {
  const cancel = useMutation({
    mutationFn: () =>
      good(api.POST('/api/v1/rounds/{round_id}/cancellation', { params: { path: { round_id: round.id } } })),
    onSuccess: onChange,
    onError: showError,
  })
  if (round.state === 'failed') {
    return (
      <Alert color="red" title={`Round ${round.number} failed`} data-testid="round" data-state={round.state}>
        {round.error} The worklist keeps the order of the last good round.
      </Alert>
    )
  }
  const { step, done, total } = round.progress
  const isBusy = round.state === 'pending' || round.state === 'running'
  const last = round.curves[round.curves.length - 1]
  return (
    <div data-testid="round" data-state={round.state} data-number={round.number}>
      <Group justify="space-between">
        <Group gap="xs">
          <Badge color={round.state === 'completed' ? 'teal' : 'blue'}>{round.state}</Badge>
          <Text size="sm">
            Round {round.number}
            {isBusy && step ? `: ${step}` : ''}
            {isBusy && total ? ` ${done ?? 0}/${total}` : ''}
            {last ? `, loss ${last.loss.toFixed(3)}` : ''}
            {round.ranked_cases !== null && !isBusy ? `, ${round.ranked_cases} cases ranked` : ''}
          </Text>
        </Group>
        {isBusy && isManager && (
          <Button size="xs" variant="default" loading={cancel.isPending} onClick={() => cancel.mutate()}>
            Cancel
          </Button>
        )}
      </Group>
      {isBusy && <Progress mt="xs" animated value={total ? (100 * (done ?? 0)) / total : 100} aria-label="Progress of the round" />}
    </div>
  )
}

interface ModelVersionsProps {
  targetId: string
  newest: Round | undefined
  isManager: boolean
  onChange: () => unknown
}

function ModelVersions({ targetId, newest, isManager, onChange }: ModelVersionsProps) {
  const versions = useQuery({
    queryKey: ['models', targetId, newest?.id, newest?.state],
    queryFn: () =>
      good(api.GET('/api/v1/targets/{target_id}/model-versions', { params: { path: { target_id: targetId } } })),
  })
  const promote = useMutation({
    mutationFn: (id: string) =>
      good(
        api.POST('/api/v1/model-versions/{model_version_id}/promotion', {
          params: { path: { model_version_id: id } },
        }),
      ),
    onSuccess: onChange,
    onError: showError,
  })
  return (
    <Loaded query={versions}>
      {(rows) => (
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Model</Table.Th>
              <Table.Th>Labels</Table.Th>
              <Table.Th>Test AUC (95 %)</Table.Th>
              <Table.Th />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((row) => (
              <Table.Tr key={row.id}>
                <Table.Td>{row.number}</Table.Td>
                <Table.Td>{row.training_labels}</Table.Td>
                <Table.Td>{interval(row.metrics.auc)}</Table.Td>
                <Table.Td ta="right">
                  {row.state === 'production' || !isManager ? (
                    <Badge variant="light">{row.state}</Badge>
                  ) : (
                    <Button size="compact-xs" variant="default" onClick={() => promote.mutate(row.id)}>
                      {row.state === 'retired' ? 'Roll back to this' : 'Promote'}
                    </Button>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Loaded>
  )
}

function interval(estimate: Schemas['Estimate'] | undefined): string {
  if (estimate?.value == null) return 'no test reads yet'
  const value = estimate.value.toFixed(3)
  if (estimate.low == null || estimate.high == null) return value
  return `${value} (${estimate.low.toFixed(3)} – ${estimate.high.toFixed(3)})`
}
