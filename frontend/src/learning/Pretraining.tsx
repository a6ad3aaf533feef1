/** A target's network learning from the project's images without labels. */
import { Button, Group, Stack, Text } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, good, type Schemas } from '../api/client'
import { errorText } from '../api/saidText'
import { formatNumber, named, t } from '../i18n'
import { showError } from '../ui/notify'
import { JobProgress } from './JobProgress'
import { isBusy, whileBusy } from './jobState'
import { LeftOut } from './LeftOut'

export function Pretraining({ projectId, targetId }: { projectId: string; targetId: string }) {
  const queries = useQueryClient()
  const path = { target_id: targetId }
  const runs = useQuery({
    queryKey: ['pretrainings', targetId],
    refetchInterval: ({ state }) => whileBusy(state.data),
    queryFn: async () => {
      const found = await good(api.GET('/api/v1/targets/{target_id}/pretrainings', { params: { path } }))
      if (!found.some(isBusy)) void queries.invalidateQueries({ queryKey: ['starts', targetId] })
      return found
    },
  })
  const refresh = () => queries.invalidateQueries({ queryKey: ['pretrainings', targetId] })
  const begin = useMutation({
    mutationFn: () =>
      good(api.POST('/api/v1/targets/{target_id}/pretrainings', { params: { path }, body: {} })),
    onSuccess: refresh,
    onError: showError,
  })
  const cancel = useMutation({
    mutationFn: (id: string) =>
      good(api.POST('/api/v1/pretrainings/{pretraining_id}/cancellation', { params: { path: { pretraining_id: id } } })),
    onSuccess: refresh,
    onError: showError,
  })
  const newest = runs.data?.[0]
  const isRunning = newest !== undefined && isBusy(newest)
  return (
    <Stack gap="xs" data-testid="pretraining" data-state={newest?.state}>
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm" c="dimmed">{t('pretraining.help')}</Text>
        <Button variant="default" style={{ flexShrink: 0 }} disabled={isRunning} loading={begin.isPending} onClick={() => begin.mutate()}>
          {t('pretraining.start')}
        </Button>
      </Group>
      {newest && isRunning && (
        <JobProgress
          job={newest} title={titleOf(newest)} label={t('pretraining.progress')}
          isStopping={cancel.isPending} onCancel={() => cancel.mutate(newest.id)}
        />
      )}
      {newest && !isRunning && (
        <Text size="sm" c={newest.state === 'failed' ? 'red' : 'dimmed'}>
          {`${titleOf(newest)}: ${errorText(newest) || named(`state.${newest.state}`, newest.state)}`}
        </Text>
      )}
      {newest && <LeftOut projectId={projectId} told={newest.left_out} />}
    </Stack>
  )
}

function titleOf({ number, network, curves }: Schemas['Pretraining']): string {
  const last = curves[curves.length - 1]
  const title = network ? t('pretraining.number', { number, network }) : t('pretraining.waiting', { number })
  return last ? `${title}, ${t('pretraining.loss', { loss: formatNumber(last.loss, 3) })}` : title
}
