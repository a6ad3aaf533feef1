/** One running job: what it does, how far it is, and a way to stop it. */
import { Button, Group, Progress, Text } from '@mantine/core'
import type { Schemas } from '../api/client'
import { t } from '../i18n'
import { isWaiting, percent, stepText } from './jobState'

interface Props {
  job: { state: Schemas['JobStateEnum']; progress: Schemas['ProgressOfJob'] }
  title: string
  label: string
  isStopping: boolean
  onCancel?: (() => void) | undefined
}

export function JobProgress({ job, title, label, isStopping, onCancel }: Props) {
  return (
    <div>
      <Group justify="space-between">
        <Text size="sm">{[title, stepText(job) || (isWaiting(job) ? t('learning.waits_for_worker') : '')].filter((part) => part !== '').join(': ')}</Text>
        {onCancel && (
          <Button size="compact-xs" variant="default" loading={isStopping} onClick={onCancel}>
            {t('learning.cancel')}
          </Button>
        )}
      </Group>
      <Progress mt={4} animated={!isWaiting(job)} value={percent(job)} aria-label={label} />
    </div>
  )
}
