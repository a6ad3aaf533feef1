/** PURE. What a schema asks and what is still missing; mirrors the server's rules, which decide. */
import type { Region } from '../viewer/types'
import {
  contentOf, isCannotAssess, isList, type Answer, type Answers, type Content, type ScopedAnswers, type ScopedPlace,
} from './content'
import { scopeOf, type Condition, type Scope } from './definition'
import { withAnswer, withAnswers } from './edits'

/** The part of a question that the rules read; the definition's full type fits. */
export interface Asked {
  key: string
  kind: string
  scope?: Scope | undefined
  required?: boolean | undefined
  required_if?: Condition | null | undefined
  show_if?: Condition | null | undefined
  default?: Answer | undefined
  allows_cannot_assess?: boolean | undefined
  is_normal?: Answer | undefined
  options?: readonly { key: string }[] | undefined
  minimum?: number | null | undefined
  maximum?: number | null | undefined
  decimals?: number | null | undefined
  max_length?: number | null | undefined
  for_labels?: readonly string[] | null | undefined
}

/** Where questions are asked: of the study, of a series or frame, or of a region. */
export type Subject =
  | { scope: 'study' }
  | { scope: 'series' | 'instance'; place: ScopedPlace }
  | { scope: 'region'; region: Pick<Region, 'id' | 'label' | 'answers'> }

export interface Missing<Q> {
  question: Q
  subject: Subject
}

export const STUDY: Subject = { scope: 'study' }

export function answersOf(content: Content, subject: Subject): Answers {
  if (subject.scope === 'study') return content.answers
  if (subject.scope === 'region') return subject.region.answers as Answers
  const key = JSON.stringify(subject.place)
  return content.scoped?.find((entry) => JSON.stringify(placeOf(entry)) === key)?.answers ?? {}
}

/** The questions that are asked of the subject now, in the schema's order. */
export function visibleQuestions<Q extends Asked>(
  questions: readonly Q[], content: Content, subject: Subject = STUDY,
): Q[] {
  const world = worldOf(questions, content, subject)
  return questions.filter((q) => isAskedOf(q, subject) && isVisible(world, q.key))
}

export function isRequired(
  questions: readonly Asked[], content: Content, question: Asked, subject: Subject = STUDY,
): boolean {
  const { required, required_if: condition } = question
  if (required === true || !condition) return required ?? true
  return holds(worldOf(questions, content, subject), condition)
}

/** The first required question without an answer: the study's, those of series and frames that were
 * answered at all, then the regions'. */
export function firstMissing<Q extends Asked>(
  questions: readonly Q[], content: Content,
): Missing<Q> | null {
  for (const subject of subjectsOf(content)) {
    const answers = answersOf(content, subject)
    const question = visibleQuestions(questions, content, subject).find(
      (q) => !isAnswered(answers[q.key]) && isRequired(questions, content, q, subject),
    )
    if (question) return { question, subject }
  }
  return null
}

export function subjectsOf(content: Content): Subject[] {
  const scoped = (content.scoped ?? []).map((entry): Subject => {
    const place = placeOf(entry)
    return { scope: 'series_instance_uid' in place ? 'series' : 'instance', place }
  })
  const regions = (content.regions ?? []).map((region): Subject => ({ scope: 'region', region }))
  return [STUDY, ...scoped, ...regions]
}

/** The study's answers with what is normal wherever nothing was answered yet. */
export function normalAnswers(questions: readonly Asked[], content: Content): Answers {
  return filled(questions, content, STUDY, (question) => question.is_normal ?? null)
}

/** Answers with the defaults of the questions that are asked and unanswered. */
export function defaultAnswers(
  questions: readonly Asked[], content: Content, subject: Subject = STUDY,
): Answers {
  return filled(questions, content, subject, (question) => question.default ?? null)
}

/** The content of a read as it is opened: one that was just begun starts with the schema's defaults. */
export function begun(questions: readonly Asked[], raw: unknown): Content {
  const content = contentOf(raw)
  const isFresh = Object.keys(content).length === 1 && Object.keys(content.answers).length === 0
  return isFresh ? withAnswers(content, defaultAnswers(questions, content)) : content
}

/** `after` with the defaults of questions that this change brought up, of the study, of a series or image that
 * was answered and of regions; what the reader took back stays taken back. */
export function withNewDefaults(
  questions: readonly Asked[], before: Content, after: Content,
): Content {
  if (before === after) return after
  const scopes = new Set(questions.filter((q) => isAnswered(q.default)).map(scopeOf))
  return subjectsOf(after).reduce((content, subject) => {
    if (!scopes.has(subject.scope) || isLocked(content, subject)) return content
    const known = knownBefore(before, subject)
    const shown = new Set(known && visibleQuestions(questions, before, known).map((q) => q.key))
    const answers = filled(questions, content, subject, (q) => (shown.has(q.key) ? null : q.default ?? null))
    return answers === answersOf(content, subject) ? content : withAnswersOf(content, subject, answers)
  }, after)
}

/** The same subject in the content before; null where it was not there, and nothing was asked of it. */
function knownBefore(before: Content, subject: Subject): Subject | null {
  if (subject.scope === 'study') return subject
  if (subject.scope === 'region') {
    const region = before.regions?.find(({ id }) => id === subject.region.id)
    return region ? { scope: 'region', region } : null
  }
  const key = JSON.stringify(subject.place)
  return before.scoped?.some((entry) => JSON.stringify(placeOf(entry)) === key) ? subject : null
}

function isLocked(content: Content, subject: Subject): boolean {
  return subject.scope === 'region' && content.regions?.find(({ id }) => id === subject.region.id)?.is_locked === true
}

function withAnswersOf(content: Content, subject: Subject, answers: Answers): Content {
  if (subject.scope === 'study') return { ...content, answers }
  if (subject.scope === 'region') {
    const regions = (content.regions ?? []).map((one) => (one.id === subject.region.id ? { ...one, answers } : one))
    return { ...content, regions }
  }
  const key = JSON.stringify(subject.place)
  const scoped = (content.scoped ?? []).map((one) => (JSON.stringify(placeOf(one)) === key ? { ...one, answers } : one))
  return { ...content, scoped }
}

/** What is handed in: answers to questions that are not asked stay out. */
export function asAsked(questions: readonly Asked[], content: Content): Content {
  const keep = (subject: Subject): Answers => {
    const asked = new Set(visibleQuestions(questions, content, subject).map((q) => q.key))
    const answers = Object.entries(answersOf(content, subject))
    return Object.fromEntries(answers.filter(([key]) => asked.has(key)))
  }
  const scoped = content.scoped?.map((entry) => {
    const place = placeOf(entry)
    return { ...place, answers: keep({ scope: 'series_instance_uid' in place ? 'series' : 'instance', place }) }
  })
  const regions = content.regions?.map((r) => ({ ...r, answers: keep({ scope: 'region', region: r }) }))
  return {
    ...content, answers: keep(STUDY), ...(scoped && { scoped }), ...(regions && { regions }),
  }
}

export function isAnswered(answer: Answer | undefined): answer is Exclude<Answer, null> {
  if (typeof answer === 'string') return answer.trim() !== ''
  return answer !== undefined && answer !== null
}

type World = {
  questions: ReadonlyMap<string, Asked>
  study: Answers
  own: Answers
  subject: Subject
}

function worldOf(questions: readonly Asked[], content: Content, subject: Subject): World {
  return {
    questions: new Map(questions.map((q) => [q.key, q])),
    study: content.answers, own: answersOf(content, subject), subject,
  }
}

/** A condition may look at questions of the same scope and at the study's. */
function isVisible(world: World, key: string): boolean {
  const question = world.questions.get(key)
  if (!question || !(scopeOf(question) === 'study' || isAskedOf(question, world.subject))) return false
  return question.show_if ? holds(world, question.show_if) : true
}

function holds(world: World, condition: Condition): boolean {
  if ('all' in condition) return condition.all.every((part) => holds(world, part))
  if ('any' in condition) return condition.any.some((part) => holds(world, part))
  if ('not' in condition) return !holds(world, condition.not)
  if (!isVisible(world, condition.question)) return false
  return meets(answerIn(world, condition.question), condition)
}

function answerIn({ questions, study, own, subject }: World, key: string): Answer {
  const question = questions.get(key)
  const isOwn = question !== undefined && scopeOf(question) === subject.scope
  return (isOwn ? own : study)[key] ?? null
}

function meets(
  answer: Answer, condition: Exclude<Condition, { all: unknown } | { any: unknown } | { not: unknown }>,
): boolean {
  if ('at_least' in condition) return typeof answer === 'number' && answer >= condition.at_least
  if ('any_of' in condition) {
    const chosen = isList(answer) ? answer : [answer]
    return chosen.some((key) => typeof key === 'string' && condition.any_of.includes(key))
  }
  return JSON.stringify(inOrder(answer)) === JSON.stringify(inOrder(condition.is))
}

/** Options of a multiple choice are the same in any order. */
function inOrder(answer: Answer): Answer {
  return isList(answer) ? [...answer].sort() : answer
}

function isAskedOf(question: Asked, subject: Subject): boolean {
  if (scopeOf(question) !== subject.scope) return false
  if (subject.scope !== 'region' || !question.for_labels?.length) return true
  return question.for_labels.includes(subject.region.label)
}

/** Which questions are asked of a region with a label, shown or not. */
export function askedOfLabel(questions: readonly Asked[], label: string): (key: string) => boolean {
  const subject: Subject = { scope: 'region', region: { id: '', label, answers: {} } }
  const keys = new Set(questions.filter((question) => isAskedOf(question, subject)).map(({ key }) => key))
  return (key) => keys.has(key)
}

/** An answer may bring up further questions, so this goes on until nothing new is asked. */
function filled(
  questions: readonly Asked[], content: Content, subject: Subject, wanted: (q: Asked) => Answer,
): Answers {
  let answers = answersOf(content, subject)
  for (;;) {
    const next = visibleQuestions(questions, holding(content, subject, answers), over(subject, answers))
      .filter((q) => !isAnswered(answers[q.key]) && isAnswered(wanted(q)))
      .reduce((all, q) => withAnswer(all, q.key, wanted(q)), answers)
    if (next === answers) return answers
    answers = next
  }
}

function holding(content: Content, subject: Subject, answers: Answers): Content {
  if (subject.scope === 'study') return { ...content, answers }
  if (subject.scope === 'region') return content
  const others = (content.scoped ?? []).filter(
    (entry) => JSON.stringify(placeOf(entry)) !== JSON.stringify(subject.place),
  )
  return { ...content, scoped: [...others, { ...subject.place, answers }] }
}

function over(subject: Subject, answers: Answers): Subject {
  return subject.scope === 'region'
    ? { scope: 'region', region: { ...subject.region, answers } }
    : subject
}

function placeOf(entry: ScopedAnswers): ScopedPlace {
  return 'series_instance_uid' in entry
    ? { series_instance_uid: entry.series_instance_uid }
    : { sop_instance_uid: entry.sop_instance_uid, frame: entry.frame }
}

/** What is wrong with an answer, as the id of a message; null where it fits the question. */
export function problemOf(question: Asked, answer: Answer): string | null {
  if (!isAnswered(answer)) return null
  if (isCannotAssess(answer)) return question.allows_cannot_assess ? null : 'not_allowed'
  if (question.kind === 'number') return problemOfNumber(question, answer)
  if (question.kind === 'text') {
    if (typeof answer !== 'string') return 'not_text'
    return question.max_length && answer.length > question.max_length ? 'too_long' : null
  }
  const keys = (question.options ?? []).map((option) => option.key)
  const chosen = isList(answer) ? answer : [answer]
  return chosen.every((key) => keys.includes(String(key))) ? null : 'unknown_option'
}

function problemOfNumber(question: Asked, answer: Answer): string | null {
  if (typeof answer !== 'number' || !Number.isFinite(answer)) return 'not_a_number'
  if (typeof question.minimum === 'number' && answer < question.minimum) return 'too_small'
  if (typeof question.maximum === 'number' && answer > question.maximum) return 'too_large'
  if (typeof question.decimals !== 'number') return null
  return Number(answer.toFixed(question.decimals)) === answer ? null : 'too_many_decimals'
}
