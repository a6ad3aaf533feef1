/** The reading room: one case after the other, from the keyboard. Only wiring: what is drawn is in the parts. */
import { useDisclosure } from '@mantine/hooks'
import { useEffect, useMemo, useSyncExternalStore } from 'react'
import { useNavigate, useParams } from 'react-router'
import { usePreferences, useSavePreferences } from '../app/usePreferences'
import { actionOf, type Commands } from './actions'
import { ActivityClock } from './activity'
import { CheatSheet } from './CheatSheet'
import { afterChoosing } from './choosing'
import { definitionOf, type Answer, type Question } from './definition'
import { Journal } from './journal'
import { answerKeysOf, keysOf } from './keymap'
import { Notices } from './Notices'
import { Claiming, ClaimFailed, Finished } from './PanelStates'
import { PanelHeader, ReadingPanel } from './ReadingPanel'
import { ReadingRoom } from './ReadingRoom'
import { ReadingSession, type Snapshot } from './ReadingSession'
import * as requests from './requests'
import { useRoomLayout, type RoomLayout } from './roomLayout'
import { SeriesStrip } from './SeriesStrip'
import type { Doable } from './ToolButton'
import { Toolbar } from './Toolbar'
import { useHeartbeat } from './useHeartbeat'
import { useKeys } from './useKeys'
import { useViewer, type ViewerConnection } from './useViewer'
import { ViewerPane } from './ViewerPane'

const PAGE = 10
const ZOOM = 1.2

export default function ReadingPage() {
  const { projectId = '' } = useParams()
  const navigate = useNavigate()
  const clock = useMemo(() => new ActivityClock(), [])
  const session = useMemo(
    () => new ReadingSession(projectId, requests, new Journal(localStorage), clock),
    [projectId, clock],
  )
  const snapshot = useSyncExternalStore(session.subscribe, session.getSnapshot)
  const { keys: custom } = usePreferences()
  const savePreferences = useSavePreferences()
  const layout = useRoomLayout()
  const [isHelpOpen, help] = useDisclosure(false)
  const root = `${window.location.origin}/dicomweb/projects/${projectId}`
  const study = snapshot.reading?.study ?? null
  const connection = useViewer(root, study)
  const { questions = [] } = definitionOf(snapshot.reading?.annotation.schema.definition)
  const answers = snapshot.reading ? answerKeysOf(questions) : []
  const commands = { ...commandsOf(session, snapshot, connection, layout), help: help.toggle }
  const answer = (key: string, given: Answer | null) => {
    const option = changedOption(snapshot.content.answers[key] ?? null, given)
    if (option !== null) session.choose(key, option)
  }
  useHeartbeat(session, clock)
  useKeys({
    custom, answers, commands,
    onAnswer: ({ question: key, option }) => {
      const question = questions.find((one) => one.key === key)
      if (question) answer(key, afterChoosing(question, snapshot.content.answers[key] ?? null, option))
    },
  })
  useEffect(() => {
    void session.claim()
  }, [session])
  const { next } = snapshot
  const { viewer } = connection
  useEffect(() => {
    if (viewer && next) void viewer.prefetch(next.study)
  }, [viewer, next])

  const doable = { commands, reasons: {}, custom }
  const leave = () => void session.leave().finally(() => void navigate('/'))
  return (
    <>
      <ReadingRoom
        layout={layout}
        toolbar={
          <Toolbar {...doable} state={connection.state} kinds={[]} hasSegments={false} steps={{ undo: null, redo: null }}
            presets={[]} cineRate={10} onCineRate={() => undefined} onSlab={null} labels={[]} label="" onLabel={() => undefined} />
        }
        strip={study && study.series.length > 1 ? (
          <SeriesStrip root={root} study={study} priors={[]} shown={connection.series === null ? [] : [connection.series]}
            active={connection.series} onShow={(_, series) => connection.onSeries(series.series_instance_uid)} />
        ) : null}
        viewer={
          <ViewerPane {...connection} studies={study ? { [study.study_instance_uid]: study } : {}} current={study?.study_instance_uid ?? null}
            hidesPatient={false} onGoTo={(_, slice) => viewer?.scroll(slice - (connection.state.panes[0]?.slice ?? slice))}
            onDropSeries={(_, series) => connection.onSeries(series.series_instance_uid)} />
        }
        panel={
          <>
            <PanelHeader count={snapshot.count} onHelp={help.open} onLeave={leave} />
            <PanelBody session={session} snapshot={snapshot} questions={questions} doable={doable} onAnswer={answer} />
          </>
        }
      />
      <CheatSheet isOpen={isHelpOpen} onClose={help.close} custom={custom} answers={answers}
        onChange={(changed) => savePreferences({ keys: { ...changed } })} />
    </>
  )
}

interface BodyProps {
  session: ReadingSession
  snapshot: Snapshot
  questions: readonly Question[]
  doable: Doable
  onAnswer: (question: string, answer: Answer | null) => void
}

function PanelBody({ session, snapshot, questions, doable, onAnswer }: BodyProps) {
  const { phase, reading, content, missing, save, lastSubmitted } = snapshot
  const claim = () => void session.claim()
  const undo = lastSubmitted === null ? undefined : () => void session.undo()
  if (phase === 'finished') return <Finished onClaim={claim} onUndo={undo} />
  if (phase === 'failed') return <ClaimFailed message={snapshot.message} onClaim={claim} />
  if (!reading) return <Claiming />
  const isBusy = phase !== 'reading'
  const [normalKey] = keysOf(actionOf('normal'), doable.custom)
  return (
    <ReadingPanel
      {...doable}
      caseId={reading.case_id}
      phase={phase}
      isBusy={isBusy}
      priorityReason={reading.priority_reason}
      reviewComment={reading.review_comment}
      marks={{ flag: false, second_opinion: false }}
      notices={<Notices session={session} snapshot={snapshot} questions={questions} />}
      suggestions={null}
      questions={[{ questions, answers: content.answers, missing, isDisabled: isBusy, onAnswer, normalKey }]}
      regions={null}
      segments={null}
      comments={null}
      save={save.kind}
    />
  )
}

function commandsOf(session: ReadingSession, snapshot: Snapshot, { viewer, state }: ViewerConnection, layout: RoomLayout): Commands {
  const pane = state.panes[0]
  const { isStripOpen, isPanelOpen } = layout.sizes
  const always: Commands = {
    submit: () => void session.submit(),
    ...(snapshot.lastSubmitted === null ? {} : { undo_submission: () => void session.undo() }),
    strip_toggle: () => layout.change({ isStripOpen: !isStripOpen }),
    panel_toggle: () => layout.change({ isPanelOpen: !isPanelOpen }),
  }
  if (!viewer || pane?.status !== 'shown') return always
  return {
    ...always,
    slice_previous: () => viewer.scroll(-1),
    slice_next: () => viewer.scroll(1),
    page_previous: () => viewer.scroll(-PAGE),
    page_next: () => viewer.scroll(PAGE),
    slice_first: () => viewer.scroll(1 - pane.slice),
    slice_last: () => viewer.scroll(pane.slices - pane.slice),
    zoom_in: () => viewer.zoom(ZOOM),
    zoom_out: () => viewer.zoom(1 / ZOOM),
    invert: () => viewer.invert(),
    reset: () => viewer.reset(),
  }
}

/** The session takes one option at a time: the one that the new answer adds or takes away. */
function changedOption(before: Answer | null, after: Answer | null): string | null {
  if (typeof after === 'string') return after
  if (!Array.isArray(after)) return null
  const [old, now] = [Array.isArray(before) ? before.map(String) : [], after.map(String)]
  return now.find((one) => !old.includes(one)) ?? old.find((one) => !now.includes(one)) ?? null
}
