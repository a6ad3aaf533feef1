/** The production model at work on cases outside of a round: what came later, or the pool of an imported model. */
import { Button, Group, Progress, Text } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, good } from '../api/client'
import { errorText } from '../api/saidText'
import { t } from '../i18n'
import { showError } from '../ui/notify'

const REFRESH_MS = 5000

export function Arrivals({ targetId, isManager }: { targetId: string; isManager: boolean }) {
  const queries = useQueryClient()
  const path = { target_id: targetId }
  const found = useQuery({
    queryKey: ['scoring', targetId],
    refetchInterval: REFRESH_MS,
    queryFn: () => good(api.GET('/api/v1/targets/{target_id}/scoring', { params: { path } })),
  })
  const refresh = () => queries.invalidateQueries({ queryKey: ['scoring', targetId] })
  const again = useMutation({
    mutationFn: () => good(api.POST('/api/v1/targets/{target_id}/scoring', { params: { path } })),
    onSuccess: refresh,
    onError: showError,
  })
  const stop = useMutation({
    mutationFn: () => good(api.DELETE('/api/v1/targets/{target_id}/scoring', { params: { path } })),
    onSuccess: refresh,
    onError: showError,
  })
  const scoring = found.data?.scoring
  if (!scoring || (scoring.total === 0 && scoring.error === '')) return null
  const { model_number: number, done, total } = scoring
  if (total === 0) {
    return (
      <Group justify="space-between" wrap="nowrap" data-testid="arrivals">
        <Text size="sm" c="red">{t('arrivals.failed', { number, error: errorText(scoring) })}</Text>
        {isManager && <Button size="compact-sm" variant="default" onClick={() => again.mutate()}>{t('arrivals.again')}</Button>}
      </Group>
    )
  }
  return (
    <div data-testid="arrivals">
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm">{t('arrivals.under_way', { number, done, total })}</Text>
        {isManager && <Button size="compact-sm" variant="default" loading={stop.isPending} onClick={() => stop.mutate()}>{t('arrivals.stop')}</Button>}
      </Group>
      <Progress mt={4} animated value={(100 * done) / total} aria-label={t('arrivals.under_way', { number, done, total })} />
    </div>
  )
}
