/** The designed states of trouble: offline, stale lease, conflict, refusal. */
import { Alert, Button, Text } from '@mantine/core'
import { Link, useLocation } from 'react-router'
import { signInAgain } from '../app/comingBack'
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
      {save.kind === 'troubled' && (
        <Alert color="orange" title={t('notice.troubled')} data-testid="troubled" role="alert">
          {t('notice.troubled_help', { message: save.message })}
        </Alert>
      )}
      {(save.kind === 'signed_out' || snapshot.isSignedOut) && <SignedOut />}
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

/** The link comes back to this page, where the case is claimed again and the journal holds the work. */
export function SignedOut() {
  const { pathname } = useLocation()
  return (
    <Alert color="orange" title={t('notice.signed_out')} data-testid="signed-out" role="alert">
      <Text size="sm">{t('notice.signed_out_help')}</Text>
      <Button size="xs" mt="sm" component={Link} to={signInAgain(pathname)}>
        {t('notice.sign_in')}
      </Button>
    </Alert>
  )
}
