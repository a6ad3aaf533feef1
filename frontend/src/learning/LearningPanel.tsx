/** What the model learns, how well, and the round that runs now. */
import { Alert, Badge, Button, Card, Group, Progress, Select, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, good, type Round, type Schemas } from '../api/client'
import { errorText } from '../api/saidText'
import { formatNumber, named, t } from '../i18n'
import { showError } from '../ui/notify'
import { Empty, Loaded } from '../ui/states'
import { Arrivals } from './Arrivals'
import { Bundles } from './Bundles'
import { CrossValidation } from './CrossValidation'
import { isBusy, isWaiting, percent, phaseOf, REFRESH_MS, stepText } from './jobState'
import { HonestFigures } from './HonestFigures'
import { LeftOut } from './LeftOut'
import { LearningCurve } from './LearningCurve'
import { LossCurve } from './LossCurve'
import { ModelVersions } from './ModelVersions'
import { NewTarget } from './NewTarget'
import { QuickLoop } from './QuickLoop'
import { RoundButtons } from './RoundButtons'
import { RoundRecord } from './RoundRecord'
import { Runs } from './Runs'
import { Start } from './Start'
import { TargetSettings } from './TargetSettings'
import { Unlabeled } from './Unlabeled'
import { Unlearned } from './Unlearned'
import { targetName } from '../labeling/targetText'

const REFRESH_CURVES_MS = 30_000
const COLORS: Partial<Record<ReturnType<typeof phaseOf>, string>> = { completed: 'teal', pausing: 'yellow', paused: 'yellow' }

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
        <Stack gap="xl">
          {found.length === 0 && <Empty title={t('learning.none')}>{t('learning.none_help')}</Empty>}
          {found.map((target) => (
            <Stack key={target.id}>
              <TargetView projectId={projectId} target={target} isManager={isManager} />
              {target.head_strategies.length > 0 && <QuickLoop projectId={projectId} target={target} isManager={isManager} />}
              <CrossValidation projectId={projectId} targetId={target.id} isManager={isManager} />
              {isManager && <Start projectId={projectId} target={target} />}
              {isManager && <Bundles targetId={target.id} />}
            </Stack>
          ))}
          {isManager && <NewTarget projectId={projectId} known={found} />}
        </Stack>
      }
    </Loaded>
  )
}

function TargetView({ projectId, target, isManager }: Props & { target: Schemas['Target'] }) {
  const queries = useQueryClient()
  const path = { target_id: target.id }
  const rounds = useQuery({
    queryKey: ['rounds', target.id],
    refetchInterval: REFRESH_MS,
    queryFn: () => good(api.GET('/api/v1/targets/{target_id}/rounds', { params: { path } })),
  })
  const newest = rounds.data?.[0]
  const curves = useQuery({
    queryKey: ['curves', target.id, newest?.id, newest?.state],
    refetchInterval: REFRESH_CURVES_MS, // light heads come without a round
    queryFn: () => good(api.GET('/api/v1/targets/{target_id}/learning-curves', { params: { path } })),
  })
  const refresh = () => queries.invalidateQueries()
  const begin = useMutation({
    mutationFn: () => good(api.POST('/api/v1/targets/{target_id}/rounds', { params: { path } })),
    onSuccess: refresh,
    onError: showError,
  })
  const change = useMutation({
    mutationFn: (strategy: NonNullable<Schemas['Target']['strategy']>) =>
      good(api.PATCH('/api/v1/targets/{target_id}', { params: { path }, body: { strategy } })),
    onSuccess: refresh,
    onError: showError,
  })
  return (
    <div>
      <Group justify="space-between" mb="sm">
        <Group>
          <Title order={2} size="h3">{targetName(target)}</Title>
          <Text size="sm" c="dimmed">
            {target.retrain_after ? t('learning.retrain_after', { count: target.retrain_after }) : t('learning.by_hand')}
          </Text>
        </Group>
        {isManager && (
          <Group>
            <Select
              aria-label={t('learning.strategy')}
              size="xs"
              data={target.strategies.map((value) => ({ value, label: t(`strategy.${value}`) }))}
              value={target.strategy}
              allowDeselect={false}
              onChange={(value) => value && change.mutate(value)}
            />
            <TargetSettings projectId={projectId} target={target} />
            <Button loading={begin.isPending} disabled={newest !== undefined && isBusy(newest)} onClick={() => begin.mutate()}>
              {t('learning.start')}
            </Button>
          </Group>
        )}
      </Group>
      {newest && <NewestRound round={newest} isManager={isManager} onChange={refresh} />}
      {newest && <RoundRecord round={newest} />}
      {newest && <Unlabeled found={newest.metrics.unlabeled} isOff={wasLeftOff(newest, target)} />}
      {rounds.data && rounds.data.length > 0 && <Runs rounds={rounds.data} target={target} />}
      {newest && <LeftOut projectId={projectId} told={newest.metrics} />}
      {newest?.metrics.unlearned && <Unlearned projectId={projectId} question={target.question} keys={newest.metrics.unlearned} />}
      <Arrivals targetId={target.id} isManager={isManager} />
      <SimpleGrid cols={{ base: 1, md: 2 }} mt="md" style={{ alignItems: 'start' }}>
        <Loaded query={curves}>{(found) => <LearningCurve curves={found} goal={target.goal ?? null} />}</Loaded>
        <ModelVersions target={target} newest={newest} isManager={isManager} onChange={refresh} />
      </SimpleGrid>
      {newest && target.head_strategies.length === 0 && (
        <Card withBorder padding="md" mt="md" data-testid="advice">
          <HonestFigures projectId={projectId} target={target} basis={`${newest.id} ${newest.state}`} />
        </Card>
      )}
    </div>
  )
}

/** Whether the target trains without unlabeled images because this round showed that they do not help. */
function wasLeftOff({ metrics }: Round, { config }: Schemas['Target']): boolean {
  return metrics.unlabeled?.decision === 'left_off' && config.unlabeled === 'none'
}

interface NewestRoundProps {
  round: Round
  isManager: boolean
  onChange: () => unknown
}

function NewestRound({ round, isManager, onChange }: NewestRoundProps) {
  if (round.state === 'failed') {
    return (
      <Alert color="red" title={t('learning.round_failed', { number: round.number })} data-testid="round" data-state={round.state}>
        {t('learning.order_kept', { error: errorText(round) })}
      </Alert>
    )
  }
  const isUnfinished = isBusy(round)
  const phase = phaseOf(round)
  return (
    <div data-testid="round" data-state={phase} data-number={round.number}>
      <Group justify="space-between">
        <Group gap="xs">
          <Badge color={COLORS[phase] ?? 'blue'}>{named(`state.${phase}`, phase)}</Badge>
          <Text size="sm">
            {roundText(round)}
          </Text>
        </Group>
        {isUnfinished && isManager && <RoundButtons round={round} onChange={onChange} />}
      </Group>
      {(phase === 'paused' || phase === 'pausing') && <Text size="sm" c="dimmed">{t(`learning.${phase}_help`)}</Text>}
      {isUnfinished && round.error && <Alert color="orange">{errorText(round)}</Alert>}
      {isUnfinished && (phase !== 'paused' || round.progress.total) && (
        <Progress mt="xs" animated={phase !== 'paused' && !isWaiting(round)} value={percent(round)} aria-label={t('learning.round_progress')} />
      )}
      {isUnfinished && round.curves.length > 1 && <LossCurve curves={round.curves} />}
    </div>
  )
}

/** What a round does now, or what it has done. */
function roundText(round: Round): string {
  const { number, curves, ranked_cases } = round
  const { seconds_left, images_at_once, training } = round.progress
  const isUnfinished = isBusy(round)
  const isGoingOn = isUnfinished && !round.pause_requested
  const loss = curves.map((point) => (training === 2 ? point.unlabeled_loss : point.loss)).findLast((one) => one !== undefined)
  const shortages = Object.values(round.metrics.memory ?? {}).reduce((sum, { times }) => sum + times, 0)
  const parts = [
    t('learning.round', { number }),
    isUnfinished ? stepText(round) : '',
    isGoingOn && isWaiting(round) ? t('learning.waits_for_worker') : '',
    isUnfinished && training ? t(training === 1 ? 'unlabeled.training_1' : 'unlabeled.training_2') : '',
    isGoingOn && seconds_left ? t('learning.time_left', { count: Math.ceil(seconds_left / 60) }) : '',
    isGoingOn && images_at_once ? t('learning.memory_short', { count: images_at_once }) : '',
    loss === undefined ? '' : t('learning.loss', { loss: formatNumber(loss, 3) }),
    !isUnfinished && shortages > 0 ? t('learning.memory_ran_out', { count: shortages }) : '',
    ranked_cases !== null && !isUnfinished ? t('learning.ranked', { count: ranked_cases }) : '',
  ]
  return parts.filter((part) => part !== '').join(', ')
}
