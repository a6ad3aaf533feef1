/** The designed states of trouble: offline, stale lease, conflict, refusal. */
import { Alert, Button, Text } from '@mantine/core'
import { Link, useLocation } from 'react-router'
import { signInAgain } from '../app/comingBack'
import { t } from '../i18n'
import { amissIn, caseOf, missingIn, type Target } from './amiss'
import { keyed } from './actions'
import { AmissList } from './AmissList'
import { ConflictDialog } from './ConflictDialog'
import type { ReadingSession, Snapshot } from './ReadingSession'
import type { Versions } from './useVersions'

interface Props {
  session: ReadingSession
  snapshot: Snapshot
  versions: Versions | undefined
  /** What the server found wrong, or still needs an answer, is shown on the images. */
  onGo: (target: Target) => void
  /** To the next case, where this one is somebody else's. */
  onGoOn: () => void
}

export function Notices({ session, snapshot, versions, onGo, onGoOn }: Props) {
  const { save, isKept, isLeaseLost, isAboutToLose, message, problems } = snapshot
  const of = caseOf(snapshot)
  const amiss = (found: Readonly<Record<string, string>>) => of && <AmissList found={amissIn(found, of)} onGo={onGo} />
  return (
    <>
      {!isKept && (
        <Alert color="orange" title={t('notice.not_kept')} data-testid="not-kept" role="alert">
          {t(save.kind === 'saving' || save.kind === 'saved' ? 'notice.not_kept_help' : 'notice.not_kept_away')}
        </Alert>
      )}
      {isAboutToLose && (
        <Alert color="red" title={t('notice.would_be_lost')} data-testid="would-be-lost" role="alert">
          {t('notice.would_be_lost_help')}
        </Alert>
      )}
      {save.kind === 'offline' && (
        <Alert color="orange" title={t('notice.offline')} data-testid="offline" role="alert">
          {t(isKept ? 'notice.offline_help' : 'notice.offline_open')}
        </Alert>
      )}
      {save.kind === 'refused' && (
        <Alert color="red" title={t('save.refused')} role="alert">
          {isKept ? t('notice.refused', { message: save.message }) : save.message}
          {amiss(save.fields)}
        </Alert>
      )}
      {save.kind === 'troubled' && (
        <Alert color="orange" title={t('notice.troubled')} data-testid="troubled" role="alert">
          {t(isKept ? 'notice.troubled_help' : 'notice.troubled_open', { message: save.message })}
        </Alert>
      )}
      {save.kind === 'unkept' && (
        <Alert color="red" title={t('notice.unkept')} data-testid="unkept" role="alert">
          {t('notice.unkept_help', { message: save.message })}
        </Alert>
      )}
      {(save.kind === 'signed_out' || snapshot.isSignedOut) && <SignedOut isKept={isKept} />}
      {save.kind === 'conflict' && of && (
        <ConflictDialog
          mine={session.document?.content ?? snapshot.content}
          theirs={save.theirs.content}
          of={of}
          isOther={versions?.isOther ?? false}
          onLook={(isOther) => versions?.showOther(isOther)}
          onMine={() => session.keepMine()}
          onTheirs={() => session.takeTheirs()}
        />
      )}
      {isLeaseLost && (
        <Alert color="orange" title={t('notice.lease_lost')} data-testid="lease-lost" role="alert">
          <Text size="sm">{t('notice.lease_lost_help')}</Text>
          <Button {...keyed('claim')} size="xs" mt="sm" onClick={onGoOn}>
            {t('notice.go_on')}
          </Button>
        </Alert>
      )}
      {message && (
        <Alert color="red" title={t('notice.failed')} role="alert">
          {message}
          {amiss(problems)}
        </Alert>
      )}
      <Missing snapshot={snapshot} onGo={onGo} />
    </>
  )
}

/** A question of the study shows itself; those of a series, an image or a region may be out of sight. */
function Missing({ snapshot, onGo }: Pick<Props, 'snapshot' | 'onGo'>) {
  const { missing, missingAt } = snapshot
  const of = caseOf(snapshot)
  if (!of || missing === null || missingAt === null || missingAt.scope === 'study') return null
  return (
    <Alert color="orange" title={t('amiss.missing')} data-testid="missing" role="alert">
      <AmissList found={[missingIn(missingAt, missing, of)]} onGo={onGo} />
    </Alert>
  )
}

/** The link comes back to this page, where the case is claimed again and the journal holds the work. */
export function SignedOut({ isKept = true }: { isKept?: boolean }) {
  const { pathname } = useLocation()
  return (
    <Alert color="orange" title={t('notice.signed_out')} data-testid="signed-out" role="alert">
      <Text size="sm">{t(isKept ? 'notice.signed_out_help' : 'notice.signed_out_open')}</Text>
      <Button size="xs" mt="sm" component={Link} to={signInAgain(pathname)}>
        {t('notice.sign_in')}
      </Button>
    </Alert>
  )
}
