/** The right side of the reading room, connected to the session, the viewer and the talk about the case. */
import type { ReactNode } from 'react'
import type { Reading } from '../api/client'
import { t } from '../i18n'
import type { WorkstationState } from '../viewer/types'
import type { Workstation } from '../viewer/Workstation'
import { actionOf } from './actions'
import { closing } from './afterMasks'
import type { Target } from './amiss'
import { askedSlices, goToAsked } from './askedSlices'
import { definitionOfRead, type Question } from './definition'
import type { ExplanationPanelProps } from './ExplanationPanel'
import { goThere } from './goThere'
import { keysOf } from './keymap'
import { Notices } from './Notices'
import { Claiming, ClaimFailed, Finished } from './PanelStates'
import { PlaceQuestions } from './PlaceQuestions'
import type { QuestionPanelProps } from './QuestionPanel'
import { isRequired, STUDY } from './questions'
import { ReadingPanel } from './ReadingPanel'
import { reasonText } from './reasonText'
import type { ReadingSession, Snapshot } from './ReadingSession'
import { regionListOf } from './regionListOf'
import { segmentPanelOf } from './segmentPanelOf'
import type { SuggestionBarProps } from './SuggestionBar'
import type { Doable } from './ToolButton'
import type { Masks } from './useMasks'
import type { CommentInHand } from './useCommentInHand'
import { useIsThere } from './useIsThere'
import { useAtRest } from './useMoving'
import type { Pins } from './usePins'
import type { QuestionInHand } from './useQuestionInHand'
import type { Regions } from './useRegions'
import type { Talk } from './useTalk'
import type { Versions } from './useVersions'

export interface SideProps {
  session: ReadingSession
  snapshot: Snapshot
  doable: Doable
  state: WorkstationState
  workstation: Workstation | null
  regions: Regions
  masks: Masks
  talk: Talk
  pins: Pins
  /** Absent where nothing is answered. */
  inHand?: QuestionInHand
  comment: CommentInHand
  suggestions: SuggestionBarProps | null
  explanations: ExplanationPanelProps | null
  /** The study's questions that are asked now. */
  asked: readonly Question[]
  /** Absent where nothing is edited. */
  versions?: Versions
}

export function ReadingSide(props: SideProps): ReactNode {
  const { session, snapshot, doable, talk, workstation } = props
  const { phase, reading, lastSubmitted, save } = snapshot
  const canPin = useAtRest(workstation, showsFrame, false)
  const isThere = useIsThere() // also while a claim makes the empty room another one
  const claim = () => void session.claim()
  if (phase === 'finished') return <Finished projectId={session.projectId} isThere={isThere} onClaim={claim} onUndo={lastSubmitted === null ? undefined : () => void session.undo()} />
  if (phase === 'failed') return <ClaimFailed message={snapshot.message} isSignedOut={snapshot.isSignedOut} onClaim={claim} />
  if (!reading) return <Claiming />
  const isBusy = phase !== 'reading'
  const go = (target: Target) => {
    if (workstation) void goThere(target, reading.study, workstation, props.regions.select)
  }
  const slices = askedSlices(reading, snapshot.content)
  const { segments = [], region_labels: labels = [] } = definitionOfRead(reading)
  return (
    <ReadingPanel
      {...doable}
      caseId={reading.case_id}
      phase={phase}
      isBusy={isBusy}
      priorityReason={reasonText(reading, definitionOfRead(reading))}
      returned={returnedText(reading)}
      marks={talk.marks}
      notices={<Notices session={session} snapshot={snapshot} versions={props.versions} onGo={go} onGoOn={() => void closing(session, props.masks.after).goOn()} />}
      suggestions={props.suggestions}
      explanations={props.explanations}
      questions={studyQuestions(props)}
      placeQuestions={<PlaceQuestions session={session} snapshot={snapshot} workstation={workstation} inHand={props.inHand?.question ?? null} />}
      regions={labels.length > 0 || (snapshot.content.regions?.length ?? 0) > 0 ? regionListOf(props, labels) : null}
      segments={segments.length > 0 ? segmentPanelOf(props, segments) : null}
      askedSlices={slices.length > 0 ? { slices, workstation, onGo: (slice) => workstation && void goToAsked(slice, reading, workstation) } : null}
      comments={{
        remark: talk.remark, comments: talk.comments, me: talk.me, canPin, here: () => workstation?.inView() ?? null, pins: props.pins, isBusy: talk.isBusy, inHand: props.comment.id,
        onAdd: talk.add, onResolve: talk.resolve, onDelete: talk.remove,
        onJump: ({ sop_instance_uid, frame, pixel }) => void workstation?.jumpTo(sop_instance_uid, frame, pixel),
      }}
      save={save.kind}
    />
  )
}

/** What a reviewer said of a read that came back; empty where none did. */
function returnedText({ is_returned: isReturned, review_comment: comment }: Reading): string {
  if (!isReturned) return ''
  return comment === '' ? t('reading.returned_silently') : t('reading.returned', { comment })
}

function studyQuestions({ session, snapshot, asked, doable, inHand }: SideProps): QuestionPanelProps {
  const { content, missing, missingAt, phase, problems } = snapshot
  const [normalKey] = keysOf(actionOf('normal'), doable.custom)
  return {
    questions: asked, subject: STUDY, answers: content.answers, isDisabled: phase !== 'reading', normalKey, inHand: inHand?.question ?? null,
    missing: missingAt === null || missingAt.scope === 'study' ? missing : null,
    problems: problemsBelow(problems, 'answers.'),
    isNeeded: (question) => isRequired(session.questions(), content, question),
    onAnswer: (key, answer, gesture) => void session.answer(key, answer, gesture),
    onNormal: doable.commands.normal,
  }
}

function problemsBelow(problems: Readonly<Record<string, string>>, prefix: string): Record<string, string> {
  const found = Object.entries(problems).filter(([path]) => path.startsWith(prefix))
  return Object.fromEntries(found.map(([path, text]) => [path.slice(prefix.length), text]))
}

function showsFrame(workstation: Workstation): boolean {
  return workstation.inView() !== null
}
