/** What is asked of the series and of the frame in the active pane; follows the images once they rest. */
import { t } from '../i18n'
import type { Workstation } from '../viewer/Workstation'
import type { Question } from './definition'
import { NOWHERE, type Here, placeIn, subjectsIn } from './placeInView'
import { QuestionPanel, type QuestionPanelProps } from './QuestionPanel'
import { answersOf, isRequired, visibleQuestions, type Subject } from './questions'
import type { ReadingSession, Snapshot } from './ReadingSession'
import { useAtRest } from './useMoving'

interface Props {
  session: ReadingSession
  snapshot: Snapshot
  workstation: Workstation | null
  inHand: Question | null
}

export function PlaceQuestions({ session, snapshot, workstation, inHand }: Props) {
  const { here } = useAtRest(workstation, placeIn, NOWHERE)
  const groups = subjectsIn(here, snapshot.reading?.study.study_instance_uid)
    .map((subject) => ({ ...panelOf(session, snapshot, subject, refersTo(subject, here)), inHand }))
  return groups.filter(({ questions }) => questions.length > 0).map((group) => <QuestionPanel key={`${snapshot.reading?.case_id} ${group.refersTo}`} {...group} />)
}

function refersTo({ scope }: Subject, here: Here | null): string {
  const name = here?.name ?? ''
  return scope === 'instance' ? t('question.of_image', { number: here?.frame?.slice ?? 0, name }) : t('question.of_series', { name })
}

function panelOf(
  session: ReadingSession, { content, phase, missing, missingAt }: Snapshot, subject: Subject, refersTo: string,
): QuestionPanelProps {
  const isHere = JSON.stringify(missingAt) === JSON.stringify(subject)
  return {
    questions: visibleQuestions(session.questions(), content, subject), subject, answers: answersOf(content, subject),
    isDisabled: phase !== 'reading', refersTo, missing: isHere ? missing : null,
    isNeeded: (question) => isRequired(session.questions(), content, question, subject),
    onAnswer: (key, answer, gesture) => 'place' in subject && session.answerScoped(subject.place, key, answer, gesture),
  }
}
