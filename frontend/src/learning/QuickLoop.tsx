/** The quick half of the loop: the light head, what it may be believed, and whether to go on labeling. */
import { Badge, Card, Group, List, Select, Stack, Text, Title } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, good, type Schemas } from '../api/client'
import { formatNumber, named, t } from '../i18n'
import { showError } from '../ui/notify'
import { Loaded } from '../ui/states'
import { definitionOf } from '../labeling/definition'
import { EncoderState } from './EncoderState'
import { evidenceText } from './evidenceText'
import { FindingChoice } from './FindingChoice'
import { auditText, testText, weightedText, windowText } from './headText'
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
        {encoders.isSuccess && <EncoderState encoder={encoders.data.find(isBusy) ?? encoders.data[0]} isManager={isManager} />}
        {newest ? <NewestHead head={newest} /> : <Text size="sm" c="dimmed">{t('quick.none')}</Text>}
        {newest && <HonestFigures projectId={projectId} target={target} head={newest.number} />}
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

/** What the schema calls an answer of the question; the thirds of a number in the reader's language. */
function useNames(projectId: string, question: string): (key: string) => string {
  const schemas = useQuery({
    queryKey: ['schemas', projectId],
    queryFn: () => good(api.GET('/api/v1/projects/{project_id}/schemas', { params: { path: { project_id: projectId } } })),
  })
  const options = definitionOf(schemas.data?.[0]?.definition).questions?.find(({ key }) => key === question)?.options ?? []
  return (key) => options.find((one) => one.key === key)?.label ?? named(`evidence.${key.replaceAll(' ', '_')}`, key)
}

function HonestFigures({ projectId, target, head }: { projectId: string; target: Schemas['Target']; head: number }) {
  const nameOf = useNames(projectId, target.question)
  const figures = useQuery({
    queryKey: ['honest-figures', target.id, head],
    queryFn: () =>
      good(api.GET('/api/v1/targets/{target_id}/honest-figures', { params: { path: { target_id: target.id } } })),
  })
  return <Loaded query={figures}>{(found) => <Figures found={found} target={target} nameOf={nameOf} />}</Loaded>
}

interface FiguresProps {
  found: Schemas['HonestFigures']
  target: Schemas['Target']
  nameOf: (key: string) => string
}

function Figures({ found, target: { kind }, nameOf }: FiguresProps) {
  return (
    <Stack gap={4}>
      <Text size="sm">{found.audit ? auditText(found.audit, kind, found.unit) : t('quick.no_audit')}</Text>
      {found.weighted && <Text size="sm">{weightedText(found.weighted, found.unit)}</Text>}
      {found.window && (found.audit ?? found.weighted) && <Text size="xs" c="dimmed">{windowText(found.window)}</Text>}
      {found.forecast !== null && <Text size="sm">{evidenceText(found.forecast_words, found.forecast)}</Text>}
      {found.agreement?.holds === false && (
        <Text size="sm" c="orange">{evidenceText(found.agreement.words, found.agreement.sentence)}</Text>
      )}
      <Text size="sm" fw={600} mt={4}>{t(found.is_stopping_advised ? 'quick.stop' : 'quick.go_on')}</Text>
      <List size="sm" spacing={2}>
        {found.conditions.map((condition) => (
          <List.Item key={condition.name} icon={<span aria-label={t(mark(condition.holds).said)}>{mark(condition.holds).sign}</span>}>
            {evidenceText(condition.words, condition.sentence, nameOf)}
          </List.Item>
        ))}
      </List>
    </Stack>
  )
}

function mark(holds: boolean | null) {
  if (holds === null) return { sign: '…', said: 'quick.unknown' } as const
  return holds ? ({ sign: '✓', said: 'quick.holds' } as const) : ({ sign: '–', said: 'quick.fails' } as const)
}
