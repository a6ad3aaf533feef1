/** The annotation content of the contract (docs/reference/annotation-content.md) as types. */
import type { MaskLayer, Place, Region } from '../viewer/types'

export interface CannotAssess {
  cannot_assess: true
}

export type Answer = string | readonly string[] | number | CannotAssess | null
export type Answers = Readonly<Record<string, Answer>>

/** What a series or one frame was answered. */
export type ScopedPlace = { series_instance_uid: string } | Place
export type ScopedAnswers = ScopedPlace & { answers: Answers }

/** A mask that came with a file: kept as it is, never drawn on. */
export interface ImportedMask {
  layer?: undefined
  [other: string]: unknown
}

export type SuggestionAction = 'shown' | 'accepted' | 'edited' | 'refused'

export interface SuggestionUse {
  id: string
  action: SuggestionAction
  at: string
}

/** All that was said and drawn before any suggestion was seen. */
export interface FirstImpression extends Pick<Content, 'answers' | 'scoped' | 'regions' | 'masks'> {
  at: string
}

export interface Content {
  readonly answers: Answers
  readonly scoped?: readonly ScopedAnswers[]
  readonly regions?: readonly Region[]
  readonly masks?: readonly (ImportedMask | MaskLayer)[]
  readonly suggestions?: readonly SuggestionUse[]
  readonly first_impression?: FirstImpression
}

/** The content of an annotation whatever state it was left in; unknown keys are kept. */
export function contentOf(raw: unknown): Content {
  const body = typeof raw === 'object' && raw !== null ? raw : {}
  return { answers: {}, ...body }
}

export function isDrawn(mask: ImportedMask | MaskLayer): mask is MaskLayer {
  return typeof mask.layer === 'number' && typeof mask['slices'] === 'object'
}

/** The layers that were painted in the browser. */
export function drawnMasks({ masks }: Pick<Content, 'masks'>): MaskLayer[] {
  return (masks ?? []).filter(isDrawn)
}

/** Every slice that the content names, by its SHA-256; what the first impression names may be painted over since. */
export function sliceHashes(content: Content): Set<string> {
  const masks = [...drawnMasks(content), ...drawnMasks(content.first_impression ?? {})]
  return new Set(masks.flatMap((mask) => Object.values(mask.slices)))
}

export function isCannotAssess(answer: Answer | undefined): answer is CannotAssess {
  return typeof answer === 'object' && answer !== null && !Array.isArray(answer)
}

/** Array.isArray does not see through readonly. */
export function isList(answer: Answer | undefined): answer is readonly string[] {
  return Array.isArray(answer)
}

/** Equal as JSON: the server's database keeps keys in an order of its own. */
export function isSameJson(a: unknown, b: unknown): boolean {
  return a === b || canonical(a) === canonical(b)
}

function canonical(value: unknown): string | undefined {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
    return Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)))
  })
}
