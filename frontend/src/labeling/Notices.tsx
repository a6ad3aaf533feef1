/** The designed states of trouble: offline, stale lease, conflict, refusal. */
import { Alert, Button, Group, Text } from '@mantine/core'
import type { ReadingSession, Snapshot } from './ReadingSession'

export function Notices({ session, snapshot }: { session: ReadingSession; snapshot: Snapshot }) {
  const { save, isLeaseLost, message } = snapshot
  return (
    <>
      {save.kind === 'offline' && (
        <Alert color="orange" title="Connection lost" data-testid="offline">
          Your answers are kept in this browser and saved as soon as the server is back.
        </Alert>
      )}
      {save.kind === 'refused' && (
        <Alert color="red" title="Not saved">
          {save.message} Your answers are kept in this browser.
        </Alert>
      )}
      {save.kind === 'conflict' && (
        <Alert color="orange" title="Changed elsewhere" data-testid="conflict">
          <Text size="sm">
            Another tab or device saved this case. There: {describe(save.theirs.content.answers)}.
            Here: {describe(snapshot.content.answers)}.
          </Text>
          <Group mt="sm">
            <Button size="xs" onClick={() => session.keepMine()}>
              Keep mine
            </Button>
            <Button size="xs" variant="default" onClick={() => session.takeTheirs()}>
              Take the other
            </Button>
          </Group>
        </Alert>
      )}
      {isLeaseLost && (
        <Alert color="orange" title="Your lease has ended" data-testid="lease-lost">
          <Text size="sm">
            You were away for a while, so this case went back to the worklist. Your draft is kept.
          </Text>
          <Button size="xs" mt="sm" onClick={() => void session.claim()}>
            Go on with the worklist
          </Button>
        </Alert>
      )}
      {message && !isLeaseLost && (
        <Alert color="red" title="That did not work">
          {message}
        </Alert>
      )}
    </>
  )
}

function describe(answers: Record<string, unknown>): string {
  const parts = Object.entries(answers).map(([key, value]) => `${key} = ${String(value)}`)
  return parts.join(', ') || 'no answers'
}
