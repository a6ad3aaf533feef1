/** The question in hand: keys move it through all that is asked, and answer it. */
import { useState } from 'react'
import type { Workstation } from '../viewer/Workstation'
import type { Commands } from './actions'
import { afterChoosing } from './choosing'
import type { Answer } from './content'
import { cannotAssess, definitionOfRead, type Question } from './definition'
import * as edits from './edits'
import { goInto } from './focus'
import { goToRegion } from './goThere'
import { beginsTyping, isTyped, type AnswerKey } from './keymap'
import { placeIn, subjectsIn } from './placeInView'
import { answersOf, type Subject } from './questions'
import type { ReadingSession, Snapshot } from './ReadingSession'
import type { Regions } from './useRegions'
import { asksOf, findAsk, inHandOf, stepAsk, type Ask, type InHand } from './walking'

export interface QuestionInHand {
  /** Null where none is. */
  question: Question | null
  commands: Commands
  answer: (key: AnswerKey) => void
  /** Whether a key goes into the field of the question. */
  type: (key: string) => boolean
  letGo: () => void
}

const FIELD = '[data-in-hand] :is(input, textarea)'

export function useQuestionInHand(
  session: ReadingSession, snapshot: Snapshot, workstation: Workstation | null, regions: Regions,
): QuestionInHand {
  const [wanted, setWanted] = useState<InHand | null>(null)
  const { reading, content, phase } = snapshot
  const inHand = wanted?.case === reading?.case_id && phase === 'reading' ? wanted : null
  const questions = definitionOfRead(reading).questions ?? []
  const all = () => asksOf(questions, content, subjectsIn(workstation && placeIn(workstation).here, reading?.study.study_instance_uid))
  const question = questionOf(inHand, questions, snapshot, regions.selected)

  const step = (by: 1 | -1) => () => {
    const asks = all()
    const next = stepAsk(asks, findAsk(asks, inHand, regions.selected), by, missingAmong(asks, snapshot))
    if (!next || !reading) return
    setWanted(inHandOf(next, reading.case_id))
    if (next.subject.scope === 'region') takeRegion(next.subject.region.id, snapshot, workstation, regions)
  }
  const current = () => findAsk(all(), inHand, regions.selected)
  const give = (answerOf: (before: Answer, ask: Ask) => Answer) => {
    const ask = current()
    if (ask) answerAsk(session, snapshot, ask, answerOf(answersOf(content, ask.subject)[ask.question.key] ?? null, ask))
  }
  return {
    question,
    answer: (key) => {
      if (key.question !== question?.key) session.choose(key.question, key.option)
      else give((before, ask) => afterChoosing(ask.question, before, key.option))
    },
    type: (key) => beginsTyping(key, question) && goInto(FIELD),
    letGo: () => setWanted(null),
    commands: phase !== 'reading' ? {} : {
      question_next: step(1),
      question_previous: step(-1),
      ...(question && isTyped(question) && { question_type: () => void goInto(FIELD) }),
      ...(question && { question_take_back: () => give(() => null) }),
      ...(question?.allows_cannot_assess && {
        question_cannot_assess: () => give((before) => (cannotAssess(before) ? null : { cannot_assess: true })),
      }),
    },
  }
}

/** As far as the page knows without asking the images: what is asked of a place is looked up when a key is pressed. */
function questionOf(
  inHand: InHand | null, questions: readonly Question[], { content }: Snapshot, region: string | null,
): Question | null {
  if (inHand === null) return null
  const isOfPlace = inHand.scope === 'series' || inHand.scope === 'instance'
  if (isOfPlace) return questions.find(({ key }) => key === inHand.key) ?? null
  return findAsk(asksOf(questions, content, []), inHand, region)?.question ?? null
}

function missingAmong(asks: readonly Ask[], { missing, missingAt }: Snapshot): Ask | null {
  return asks.find(({ question, subject }) => question.key === missing && missingAt !== null && isSame(subject, missingAt)) ?? null
}

function isSame(one: Subject, other: Subject): boolean {
  if (one.scope === 'region') return other.scope === 'region' && one.region.id === other.region.id
  return JSON.stringify(one) === JSON.stringify(other)
}

function answerAsk(session: ReadingSession, { content }: Snapshot, { question: { key }, subject }: Ask, answer: Answer): void {
  if (subject.scope === 'study') session.answer(key, answer)
  else if (subject.scope !== 'region') session.answerScoped(subject.place, key, answer)
  else if (!edits.findRegion(content, subject.region.id)?.is_locked) session.answerRegion(subject.region.id, key, answer)
}

function takeRegion(id: string, { content }: Snapshot, workstation: Workstation | null, regions: Regions): void {
  const region = edits.findRegion(content, id)
  if (!region || regions.selected === id) return
  regions.select(id)
  goToRegion(region, workstation)
}
