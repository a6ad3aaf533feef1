/** What a manager can do with an unfinished round: let it wait, go on, or end it. */
import { Button, Group } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { api, good, type Round } from '../api/client'
import { t } from '../i18n'
import { showError } from '../ui/notify'

interface Props {
  round: Round
  onChange: () => unknown
}

export function RoundButtons({ round, onChange }: Props) {
  const params = { path: { round_id: round.id } }
  const options = { onSuccess: onChange, onError: showError }
  const pause = useMutation({
    mutationFn: () => good(api.POST('/api/v1/rounds/{round_id}/pause', { params })),
    ...options,
  })
  const resume = useMutation({
    mutationFn: () => good(api.DELETE('/api/v1/rounds/{round_id}/pause', { params })),
    ...options,
  })
  const cancel = useMutation({
    mutationFn: () => good(api.POST('/api/v1/rounds/{round_id}/cancellation', { params })),
    ...options,
  })
  const other = round.pause_requested ? resume : pause
  return (
    <Group gap="xs">
      <Button size="xs" variant="default" loading={other.isPending} onClick={() => other.mutate()}>
        {t(round.pause_requested ? 'learning.resume' : 'learning.pause')}
      </Button>
      <Button size="xs" variant="default" loading={cancel.isPending} onClick={() => cancel.mutate()}>
        {t('learning.cancel')}
      </Button>
    </Group>
  )
}
