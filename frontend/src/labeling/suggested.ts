/** PURE. What models suggest, in the words of the read: the generated types leave its content open. */
import type { DrawnRegion, MaskLayer, Region } from '../viewer/types'
import { drawnMasks, type Answers, type Content, type ScopedAnswers } from './content'

/** What of a suggestion can be taken over. */
export interface ProposedContent {
  answers: Answers
  /** Of series. */
  scoped: readonly ScopedAnswers[]
  regions: readonly Region[]
  masks: readonly MaskLayer[]
}

export function proposedBy({ content }: { content?: unknown }): ProposedContent {
  const { answers = {}, scoped = [], regions = [], masks = [] } = (content ?? {}) as Partial<Content>
  return { answers, scoped, regions, masks: drawnMasks({ masks }) }
}

/** Whether the reader has not said yet what is to become of it. */
export function isUndecided(content: Content, id: string): boolean {
  const use = content.suggestions?.find((one) => one.id === id)
  return use === undefined || use.action === 'shown'
}

/** Suggested regions as they are drawn before they are taken over: dashed, and not to be moved. */
export function asSuggested(regions: readonly Region[], drawn: readonly Region[]): DrawnRegion[] {
  const known = new Set(drawn.map(({ id }) => id))
  return regions.filter(({ id }) => !known.has(id)).map((region) => ({ ...region, is_locked: true, is_hidden: false, isSuggested: true }))
}
