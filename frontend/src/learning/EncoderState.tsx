/** What makes the vectors of the cases, while it works, was stopped or has failed. */
import { Button, Group, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { api, good, type Schemas } from '../api/client'
import { errorText } from '../api/saidText'
import { t } from '../i18n'
import { showError } from '../ui/notify'
import { JobProgress } from './JobProgress'
import { isBusy } from './jobState'

interface Props {
  encoder: Schemas['EncoderVersion'] | undefined
  /** Whether an earlier one serves meanwhile. */
  hasAnother?: boolean
  isManager: boolean
}

/** A finished encoder needs no attention. */
export function EncoderState({ encoder, hasAnother = false, isManager }: Props) {
  if (!encoder) return <Text size="sm" c="dimmed">{t('quick.no_encoder')}</Text>
  if (isBusy(encoder) || encoder.state === 'cancelled') return <Unfinished encoder={encoder} hasAnother={hasAnother} isManager={isManager} />
  if (encoder.state === 'failed') return <Text size="sm" c="red">{t('quick.encoder_failed', { error: errorText(encoder) })}</Text>
  if (encoder.without_image === 0) return null
  return <Text size="sm" c="dimmed">{t('quick.without_image', { count: encoder.without_image })}</Text>
}

function Unfinished({ encoder, hasAnother, isManager }: { encoder: Schemas['EncoderVersion']; hasAnother: boolean; isManager: boolean }) {
  const queries = useQueryClient()
  const params = { path: { encoder_id: encoder.id } }
  const options = { onSuccess: () => queries.invalidateQueries({ queryKey: ['encoders'] }), onError: showError }
  const cancel = useMutation({
    mutationFn: () => good(api.POST('/api/v1/encoders/{encoder_id}/cancellation', { params })),
    ...options,
  })
  const resume = useMutation({
    mutationFn: () => good(api.DELETE('/api/v1/encoders/{encoder_id}/cancellation', { params })),
    ...options,
  })
  if (isBusy(encoder)) {
    return (
      <JobProgress
        job={encoder} title={t('quick.encoding')} label={t('quick.encoding')} isStopping={cancel.isPending}
        onCancel={isManager ? () => cancel.mutate() : undefined}
      />
    )
  }
  return (
    <Group justify="space-between">
      <Text size="sm" c="dimmed">{t(hasAnother ? 'quick.better_encoder_stopped' : 'quick.encoder_stopped')}</Text>
      {isManager && (
        <Button size="compact-xs" variant="default" loading={resume.isPending} onClick={() => resume.mutate()}>
          {t('learning.resume')}
        </Button>
      )}
    </Group>
  )
}
