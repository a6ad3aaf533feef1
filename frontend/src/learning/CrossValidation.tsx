/** Cross-validations of a target: the newest one's figures per fold, and their mean. */
import { Button, Card, Group, Select, Stack, Table, Text, Title } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, good, type Schemas } from '../api/client'
import { errorText } from '../api/saidText'
import { named, t } from '../i18n'
import { showError } from '../ui/notify'
import { Loaded } from '../ui/states'
import { estimateText, figureText } from './estimateText'
import { JobProgress } from './JobProgress'
import { isBusy, whileBusy } from './jobState'
import { LeftOut } from './LeftOut'

const SINGLE = ['auc', 'accuracy', 'sensitivity', 'specificity', 'calibration_error'] as const
const COUNTS = ['3', '4', '5', '6', '8', '10']

interface Props {
  projectId: string
  targetId: string
  isManager: boolean
}

export function CrossValidation({ projectId, targetId, isManager }: Props) {
  const queries = useQueryClient()
  const runs = useQuery({
    queryKey: ['cross-validations', targetId],
    refetchInterval: ({ state }) => whileBusy(state.data),
    queryFn: () =>
      good(api.GET('/api/v1/targets/{target_id}/cross-validations', { params: { path: { target_id: targetId } } })),
  })
  const refresh = () => queries.invalidateQueries({ queryKey: ['cross-validations', targetId] })
  const newest = runs.data?.[0]
  return (
    <Card withBorder padding="md" data-testid="cross-validation" data-state={newest?.state}>
      <Group justify="space-between" mb="xs">
        <Title order={3} size="h4">{t('folds.title')}</Title>
        {isManager && <Begin targetId={targetId} isDisabled={newest !== undefined && isBusy(newest)} onChange={refresh} />}
      </Group>
      <Text size="sm" c="dimmed" mb="xs">{t('folds.help')}</Text>
      <Loaded query={runs}>
        {() =>
          newest
            ? <Run projectId={projectId} run={newest} isManager={isManager} onChange={refresh} />
            : <Text size="sm">{t('folds.none')}</Text>}
      </Loaded>
    </Card>
  )
}

function Begin({ targetId, isDisabled, onChange }: { targetId: string; isDisabled: boolean; onChange: () => unknown }) {
  const [count, setCount] = useState('5')
  const begin = useMutation({
    mutationFn: () =>
      good(
        api.POST('/api/v1/targets/{target_id}/cross-validations', {
          params: { path: { target_id: targetId } },
          body: { fold_count: Number(count) },
        }),
      ),
    onSuccess: onChange,
    onError: showError,
  })
  return (
    <Group gap="xs">
      <Select aria-label={t('folds.count')} size="xs" w={80} data={COUNTS} value={count} allowDeselect={false} onChange={(value) => value && setCount(value)} />
      <Button size="xs" variant="default" disabled={isDisabled} loading={begin.isPending} onClick={() => begin.mutate()}>
        {t('folds.start')}
      </Button>
    </Group>
  )
}

interface RunProps {
  projectId: string
  run: Schemas['CrossValidation']
  isManager: boolean
  onChange: () => unknown
}

function Run({ projectId, run, isManager, onChange }: RunProps) {
  const cancel = useMutation({
    mutationFn: () =>
      good(
        api.POST('/api/v1/cross-validations/{cross_validation_id}/cancellation', {
          params: { path: { cross_validation_id: run.id } },
        }),
      ),
    onSuccess: onChange,
    onError: showError,
  })
  const title = t('folds.of', { folds: run.fold_count, dataset: run.dataset_number })
  return (
    <Stack gap="xs">
      {isBusy(run) ? (
        <JobProgress
          job={run} title={title} label={t('folds.progress')} isStopping={cancel.isPending}
          onCancel={isManager ? () => cancel.mutate() : undefined}
        />
      ) : (
        <Text size="sm" c={run.state === 'failed' ? 'red' : 'dimmed'}>{run.error ? `${title}: ${errorText(run)}` : title}</Text>
      )}
      <LeftOut projectId={projectId} told={run.left_out} />
      {run.folds.length > 0 && <Folds run={run} />}
    </Stack>
  )
}

function Folds({ run }: { run: Schemas['CrossValidation'] }) {
  const shown = run.state === 'completed' ? run.figures.map(({ name }) => name) : Object.keys(run.folds[0]?.estimates ?? {})
  return (
    <Table.ScrollContainer minWidth={480}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            {(['fold', 'cases', 'training'] as const).map((name) => <Table.Th key={name}>{t(`folds.${name}`)}</Table.Th>)}
            {shown.map((name) => <Table.Th key={name}>{named(`figure.${name}`, name)}</Table.Th>)}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {run.folds.map((fold) => (
            <Table.Tr key={fold.fold}>
              {[fold.fold, fold.n, fold.training].map((count, place) => <Table.Td key={place}>{count}</Table.Td>)}
              {shown.map((name) => <Table.Td key={name}>{foldText(fold, name)}</Table.Td>)}
            </Table.Tr>
          ))}
        </Table.Tbody>
        {run.state === 'completed' && (
          <Table.Tfoot>
            <Table.Tr>
              <Table.Th colSpan={3}>{t('folds.mean')}</Table.Th>
              {run.figures.map(({ name, estimate }) => <Table.Th key={name}>{estimateText(estimate)}</Table.Th>)}
            </Table.Tr>
          </Table.Tfoot>
        )}
      </Table>
    </Table.ScrollContainer>
  )
}

/** Folds of before every figure had an interval tell the value alone. */
function foldText(fold: Schemas['Fold'], name: string): string {
  const single = SINGLE.find((known) => known === name)
  return fold.estimates ? estimateText(fold.estimates[name]) : figureText(single && fold[single])
}
