/** The reading room: one case after the other, from the keyboard. */
import { Badge, Button, Center, Group, Kbd, Loader, Modal, Stack, Table, Text, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import { useNavigate, useParams } from 'react-router'
import type { Workstation } from '../viewer/Workstation'
import { ActivityClock } from './activity'
import { Journal } from './journal'
import { Notices } from './Notices'
import { Questions } from './Questions'
import classes from './reading.module.css'
import { ReadingSession, type Snapshot } from './ReadingSession'
import * as requests from './requests'
import { useReadingKeys, VIEWER_KEYS } from './useReadingKeys'
import { ViewerPane } from './ViewerPane'

const HEARTBEAT_MS = 15_000

export default function ReadingPage() {
  const { projectId = '' } = useParams()
  const clock = useMemo(() => new ActivityClock(), [])
  const session = useMemo(
    () => new ReadingSession(projectId, requests, new Journal(localStorage), clock),
    [projectId, clock],
  )
  const snapshot = useSyncExternalStore(session.subscribe, session.getSnapshot)
  const [viewer, setViewer] = useState<Workstation | null>(null)
  const [isHelpOpen, help] = useDisclosure(false)
  useReadingKeys(session, viewer, help.toggle)
  useHeartbeat(session, clock)

  useEffect(() => {
    void session.claim()
  }, [session])

  const { next } = snapshot
  useEffect(() => {
    if (viewer && next) void viewer.prefetch(next.study)
  }, [viewer, next])

  const root = `${window.location.origin}/dicomweb/projects/${projectId}`
  return (
    <div className={classes.page}>
      <ViewerPane root={root} study={snapshot.reading?.study ?? null} onReady={setViewer} />
      <Panel session={session} snapshot={snapshot} onHelp={help.open} />
      <Modal opened={isHelpOpen} onClose={help.close} title="Keys">
        <Table>
          <Table.Tbody>
            {VIEWER_KEYS.map(([key, what]) => (
              <Table.Tr key={key}>
                <Table.Td>
                  <Kbd>{key}</Kbd>
                </Table.Td>
                <Table.Td>{what}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
        <Text size="sm" c="dimmed" mt="md">
          Mouse: left button window, right button zoom, middle button pan, wheel slices. The keys of the
          answers stand on their buttons.
        </Text>
      </Modal>
    </div>
  )
}

interface PanelProps {
  session: ReadingSession
  snapshot: Snapshot
  onHelp: () => void
}

function Panel({ session, snapshot, onHelp }: PanelProps) {
  const navigate = useNavigate()
  const leave = () => void session.leave().finally(() => void navigate('/'))
  return (
    <div className={classes.panel}>
      <Group justify="space-between">
        <Text fw={700}>Firstread</Text>
        <Group gap="xs">
          <Text size="sm" c="dimmed" data-testid="count">
            {snapshot.count} read
          </Text>
          <Button size="compact-xs" variant="subtle" onClick={onHelp}>
            Keys ?
          </Button>
        </Group>
      </Group>
      <Body session={session} snapshot={snapshot} />
      <div className={classes.spacer} />
      <Button variant="subtle" color="gray" onClick={leave}>
        Leave
      </Button>
    </div>
  )
}

function Body({ session, snapshot }: { session: ReadingSession; snapshot: Snapshot }) {
  const { phase, reading, content, missing, save } = snapshot
  if (phase === 'finished') return <Finished session={session} canUndo={snapshot.lastSubmitted !== null} />
  if (phase === 'failed') {
    return (
      <Stack>
        <Text>{snapshot.message}</Text>
        <Button onClick={() => void session.claim()}>Try again</Button>
      </Stack>
    )
  }
  if (!reading) {
    return (
      <Center h={200}>
        <Loader />
      </Center>
    )
  }
  const isBusy = phase !== 'reading'
  return (
    <Stack data-testid="reading" data-case={reading.case_id} data-phase={phase}>
      {reading.priority_reason && (
        <Text size="sm" c="blue.3">
          {reading.priority_reason}
        </Text>
      )}
      {reading.review_comment && (
        <Text size="sm" c="orange.3">
          Returned by the reviewer: {reading.review_comment}
        </Text>
      )}
      <Questions
        questions={session.questions()}
        answers={content.answers}
        missing={missing}
        isDisabled={isBusy}
        onChoose={(question, option) => session.choose(question, option)}
      />
      <Notices session={session} snapshot={snapshot} />
      <Button size="md" loading={isBusy} onClick={() => void session.submit()} rightSection={<Kbd>Enter</Kbd>}>
        Submit and next
      </Button>
      <Group justify="space-between">
        <Button
          variant="default"
          size="xs"
          disabled={snapshot.lastSubmitted === null || isBusy}
          onClick={() => void session.undo()}
          rightSection={<Kbd size="xs">Z</Kbd>}
        >
          Undo last
        </Button>
        <SaveBadge kind={save.kind} />
      </Group>
    </Stack>
  )
}

const SAVE_TEXT = {
  saved: ['gray', 'Saved'],
  saving: ['blue', 'Saving'],
  offline: ['orange', 'Kept here'],
  conflict: ['orange', 'Conflict'],
  refused: ['red', 'Not saved'],
} as const

function SaveBadge({ kind }: { kind: keyof typeof SAVE_TEXT }) {
  const [colour, text] = SAVE_TEXT[kind]
  return (
    <Badge color={colour} variant="light" data-testid="save-state" data-kind={kind}>
      {text}
    </Badge>
  )
}

function Finished({ session, canUndo }: { session: ReadingSession; canUndo: boolean }) {
  return (
    <Stack align="flex-start" data-testid="finished">
      <Title order={3}>Nothing left to read</Title>
      <Text c="dimmed">Every case that waits for you has been read. New studies appear here by themselves.</Text>
      <Group>
        <Button onClick={() => void session.claim()}>Look again</Button>
        {canUndo && (
          <Button variant="default" onClick={() => void session.undo()}>
            Undo last
          </Button>
        )}
      </Group>
    </Stack>
  )
}

/** Connects to the clock and the page's visibility. */
function useHeartbeat(session: ReadingSession, clock: ActivityClock): void {
  useEffect(() => {
    const onInput = () => clock.input(performance.now())
    const inputs = ['keydown', 'mousemove', 'mousedown', 'wheel'] as const
    for (const name of inputs) window.addEventListener(name, onInput, { passive: true })
    const ticking = setInterval(() => clock.tick(performance.now(), !document.hidden), 1000)
    const beating = setInterval(() => void session.beat(), HEARTBEAT_MS)
    return () => {
      for (const name of inputs) window.removeEventListener(name, onInput)
      clearInterval(ticking)
      clearInterval(beating)
      session.dispose()
    }
  }, [session, clock])
}
