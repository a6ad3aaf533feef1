/** The panel while there is no case in it: claiming, nothing left, failed. */
import { Button, Center, Group, Loader, Stack, Text, Title } from '@mantine/core'
import { formatNumber, t } from '../i18n'
import { keyed } from './actions'
import { SignedOut } from './Notices'
import { useWaiting } from './useWaiting'

interface Props {
  onClaim: () => void
  /** Absent where there is nothing to take back. */
  onUndo?: (() => void) | undefined
}

export function Claiming() {
  return (
    <Center h={200}>
      <Loader aria-label={t('ui.loading')} role="status" />
    </Center>
  )
}

export function Finished({ projectId, isThere, onClaim, onUndo }: Props & { projectId: string; isThere: boolean }) {
  const { has_more: hasMore = false, arriving = 0, quiet_seconds: seconds = 0 } = useWaiting(projectId, isThere, onClaim) ?? {}
  return (
    <Stack align="flex-start" data-testid="finished">
      <Title order={2} size="h3">
        {t(hasMore ? 'finished.more' : arriving > 0 ? 'finished.not_yet' : 'finished.title')}
      </Title>
      <Text c="dimmed" role="status">
        {arriving > 0 ? t('finished.arriving', { count: arriving, seconds: formatNumber(seconds) }) : t('finished.help')}
      </Text>
      <Group>
        <Button {...keyed('claim')} onClick={onClaim}>{t('finished.look_again')}</Button>
        {onUndo && (
          <Button {...keyed('undo_submission')} variant="default" onClick={onUndo}>
            {t('reading.undo_last')}
          </Button>
        )}
      </Group>
    </Stack>
  )
}

export function ClaimFailed({ message, isSignedOut, onClaim }: Props & { message: string; isSignedOut: boolean }) {
  if (isSignedOut) return <SignedOut />
  return (
    <Stack role="alert">
      <Text>{message}</Text>
      <Button {...keyed('claim')} onClick={onClaim}>{t('ui.try_again')}</Button>
    </Stack>
  )
}
