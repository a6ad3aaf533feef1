/** PURE. The walk through all questions that are asked now: of the study, of the series and the image in the active
 * pane, and of every region. One of them is in hand; the keys for answers answer it. */
import type { Content } from './content'
import { scopeOf, type Question, type Scope } from './definition'
import { STUDY, visibleQuestions, type Subject } from './questions'

export interface Ask {
  question: Question
  subject: Subject
}

/** Which question is in hand. Of the series, the image or the region that is before the reader: it follows them. */
export interface InHand {
  case: string
  scope: Scope
  key: string
}

/** In the order of the panel. `here` is what the active pane shows. */
export function asksOf(questions: readonly Question[], content: Content, here: readonly Subject[]): Ask[] {
  const regions = (content.regions ?? []).map((region): Subject => ({ scope: 'region', region }))
  return [STUDY, ...here, ...regions].flatMap((subject) =>
    visibleQuestions(questions, content, subject).map((question) => ({ question, subject })))
}

/** The question in hand among those that are asked; `region` is the one that is selected. */
export function findAsk(asks: readonly Ask[], inHand: InHand | null, region: string | null): Ask | null {
  return asks.find(({ question, subject }) =>
    question.key === inHand?.key && subject.scope === inHand.scope
    && (subject.scope !== 'region' || subject.region.id === region)) ?? null
}

/** The next one or, with -1, the one before; round at the ends. Without one in hand it begins at `first`, or at the end
 * that it comes from. */
export function stepAsk(asks: readonly Ask[], current: Ask | null, by: 1 | -1, first: Ask | null = null): Ask | null {
  const index = current ? asks.indexOf(current) : -1
  if (index >= 0) return asks[(index + by + asks.length) % asks.length] ?? null
  return first ?? (by > 0 ? asks[0] : asks.at(-1)) ?? null
}

export function inHandOf({ question }: Ask, caseId: string): InHand {
  return { case: caseId, scope: scopeOf(question), key: question.key }
}
