/** What is asked of the series and of the frame in the active pane; follows the images once they rest. */
import { t } from '../i18n'
import type { Place } from '../viewer/types'
import type { Workstation } from '../viewer/Workstation'
import type { ScopedPlace } from './content'
import { QuestionPanel, type QuestionPanelProps } from './QuestionPanel'
import { answersOf, isRequired, visibleQuestions, type Subject } from './questions'
import type { ReadingSession, Snapshot } from './ReadingSession'
import { useAtRest } from './useMoving'

interface Props {
  session: ReadingSession
  snapshot: Snapshot
  workstation: Workstation | null
}

interface Here {
  study: string | undefined
  series: { series_instance_uid: string }
  name: string
  frame: { place: Place; slice: number } | null
}

const NOWHERE = { here: null }

export function PlaceQuestions({ session, snapshot, workstation }: Props) {
  const { here } = useAtRest(workstation, placeIn, NOWHERE)
  // Earlier studies are only looked at: an answer about them would belong to another read.
  if (here === null || here.study !== snapshot.reading?.study.study_instance_uid) return null
  const { series, name, frame } = here
  const groups = [panelOf(session, snapshot, 'series', series, t('question.of_series', { name }))]
  if (frame) groups.push(panelOf(session, snapshot, 'instance', frame.place, t('question.of_image', { number: frame.slice, name })))
  return groups.filter(({ questions }) => questions.length > 0).map((group) => <QuestionPanel key={group.refersTo} {...group} />)
}

function placeIn({ state }: Workstation): { here: Here | null } {
  const pane = state.panes[state.active]
  if (!pane?.series || pane.status !== 'shown') return NOWHERE
  const { study, series, place, slice } = pane
  const { series_instance_uid, series_description, modality } = series
  return { here: { study: study?.study_instance_uid, series: { series_instance_uid }, name: series_description || modality, frame: place && { place, slice } } }
}

function panelOf(
  session: ReadingSession, { content, phase, missing, missingAt }: Snapshot, scope: 'series' | 'instance', place: ScopedPlace, refersTo: string,
): QuestionPanelProps {
  const subject: Subject = { scope, place }
  const isHere = missingAt?.scope === scope && JSON.stringify(missingAt.place) === JSON.stringify(place)
  return {
    questions: visibleQuestions(session.questions(), content, subject), answers: answersOf(content, subject),
    isDisabled: phase !== 'reading', refersTo, missing: isHere ? missing : null,
    isNeeded: (question) => isRequired(session.questions(), content, question, subject),
    onAnswer: (key, answer, gesture) => void session.answerScoped(place, key, answer, gesture),
  }
}
