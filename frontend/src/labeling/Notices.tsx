/** The designed states of trouble: offline, stale lease, conflict, refusal. */
import { Alert, Button, Text } from '@mantine/core'
import { t } from '../i18n'
import { ConflictDialog } from './ConflictDialog'
import type { Question } from './definition'
import type { ReadingSession, Snapshot } from './ReadingSession'
import type { Versions } from './useVersions'

interface Props {
  session: ReadingSession
  snapshot: Snapshot
  versions: Versions | undefined
  questions: readonly Question[]
}

export function Notices({ session, snapshot, versions, questions }: Props) {
  const { save, isLeaseLost, message } = snapshot
  return (
    <>
      {save.kind === 'offline' && (
        <Alert color="orange" title={t('notice.offline')} data-testid="offline" role="alert">
          {t('notice.offline_help')}
        </Alert>
      )}
      {save.kind === 'refused' && (
        <Alert color="red" title={t('save.refused')} role="alert">
          {t('notice.refused', { message: save.message })}
        </Alert>
      )}
      {save.kind === 'conflict' && (
        <ConflictDialog
          mine={session.document?.content ?? snapshot.content}
          theirs={save.theirs.content}
          questions={questions}
          isOther={versions?.isOther ?? false}
          onLook={(isOther) => versions?.showOther(isOther)}
          onMine={() => session.keepMine()}
          onTheirs={() => session.takeTheirs()}
        />
      )}
      {isLeaseLost && (
        <Alert color="orange" title={t('notice.lease_lost')} data-testid="lease-lost" role="alert">
          <Text size="sm">{t('notice.lease_lost_help')}</Text>
          <Button size="xs" mt="sm" onClick={() => void session.claim()}>
            {t('notice.go_on')}
          </Button>
        </Alert>
      )}
      {message && !isLeaseLost && (
        <Alert color="red" title={t('notice.failed')} role="alert">
          {message}
        </Alert>
      )}
    </>
  )
}
