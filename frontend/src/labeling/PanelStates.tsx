/** The panel while there is no case in it: claiming, nothing left, failed. */
import { Button, Center, Group, Loader, Stack, Text, Title } from '@mantine/core'
import { t } from '../i18n'
import { keyed } from './actions'
import { SignedOut } from './Notices'

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

export function Finished({ onClaim, onUndo }: Props) {
  return (
    <Stack align="flex-start" data-testid="finished">
      <Title order={2} size="h3">
        {t('finished.title')}
      </Title>
      <Text c="dimmed">{t('finished.help')}</Text>
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
