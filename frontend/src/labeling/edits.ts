/** PURE. What can be done to an annotation: functions from content to content that return the same
 * object where nothing changes, so that refused and empty edits leave no step in the history. */
import type { MaskLayer, Place, Region } from '../viewer/types'
import {
  isDrawn, type Answer, type Answers, type Content, type ScopedAnswers, type ScopedPlace,
  type SuggestionUse,
} from './content'
import type { Change } from './document'

/** Edits of one gesture undo together. */
export function gestureOf(gesture: string | undefined): { gesture?: string } {
  return gesture === undefined ? {} : { gesture }
}

/** Answers after one of them changed; null takes the answer back. */
export function withAnswer(answers: Answers, key: string, answer: Answer): Answers {
  if (same(answers[key] ?? null, answer)) return answers
  return answer === null ? without(answers, key) : { ...answers, [key]: answer }
}

export function answer(key: string, value: Answer): Change {
  return (content) => withAnswers(content, withAnswer(content.answers, key, value))
}

export function withAnswers(content: Content, answers: Answers): Content {
  return same(answers, content.answers) ? content : { ...content, answers }
}

export function answerScoped(place: ScopedPlace, key: string, value: Answer): Change {
  return (content) => {
    const before = scopedAnswers(content, place)
    const answers = withAnswer(before, key, value)
    return answers === before ? content : withScoped(content, place, answers)
  }
}

export function scopedAnswers(content: Content, place: ScopedPlace): Answers {
  return content.scoped?.find((entry) => isPlace(entry, place))?.answers ?? {}
}

export function addRegion(region: Region): Change {
  return (content) => {
    const known = content.regions ?? []
    return known.some((r) => r.id === region.id) ? content : withRegions(content, [...known, region])
  }
}

/** Where the region lies, and on which frame; a locked one stays where it is. */
export function moveRegion({ id, sop_instance_uid, frame, pixels, points }: Pick<Region, 'id' | 'pixels' | 'points'> & Place): Change {
  return editRegion(id, { sop_instance_uid, frame, pixels, points })
}

export function renameRegion(id: string, name: string): Change {
  return editRegion(id, { name })
}

/** Another label; answers that `isAsked` does not know belong to the label before, and go with it. */
export function relabelRegion(id: string, label: string, isAsked: (key: string) => boolean): Change {
  return (content) => {
    const region = findRegion(content, id)
    if (!region || region.label === label) return content
    const answers = Object.fromEntries(Object.entries(region.answers).filter(([key]) => isAsked(key)))
    return editRegion(id, { label, answers })(content)
  }
}

export function answerRegion(id: string, key: string, value: Answer): Change {
  return (content) => {
    const region = findRegion(content, id)
    if (!region) return content
    const before = region.answers as Answers
    return editRegion(id, { answers: withAnswer(before, key, value) })(content)
  }
}

export function deleteRegion(id: string): Change {
  return (content) => {
    const region = findRegion(content, id)
    if (!region || region.is_locked) return content
    return withRegions(content, (content.regions ?? []).filter((r) => r.id !== id))
  }
}

/** Hiding is no change to the finding: a locked region can be hidden. */
export function hideRegion(id: string, isHidden: boolean): Change {
  return replaceRegion(id, (region) => ({ ...region, is_hidden: isHidden }))
}

export function hideAllRegions(isHidden: boolean): Change {
  return (content) => {
    const known = content.regions ?? []
    if (known.every((r) => r.is_hidden === isHidden)) return content
    return withRegions(content, known.map((r) => ({ ...r, is_hidden: isHidden })))
  }
}

export function lockRegion(id: string, isLocked: boolean): Change {
  return replaceRegion(id, (region) => ({ ...region, is_locked: isLocked }))
}

export function findRegion(content: Content, id: string): Region | undefined {
  return content.regions?.find((region) => region.id === id)
}

/** Slices that were painted on: the new hash by "<sop_instance_uid>:<frame>", null where empty. */
export function paint(
  target: Omit<MaskLayer, 'slices'>, hashes: ReadonlyMap<string, string | null>,
): Change {
  return (content) => {
    const masks = content.masks ?? []
    const known = masks.find((mask): mask is MaskLayer => isDrawn(mask) && isTarget(mask, target))
    const slices: Record<string, string> = { ...known?.slices }
    for (const [place, sha256] of hashes) {
      if (sha256 === null) Reflect.deleteProperty(slices, place)
      else slices[place] = sha256
    }
    if (same(slices, known?.slices ?? {})) return content
    const { layer, series_instance_uid, rows, columns } = target
    const layerAfter = { layer, series_instance_uid, rows, columns, slices }
    const others = masks.filter((mask) => mask !== known)
    const isEmpty = Object.keys(slices).length === 0
    return withList(content, 'masks', isEmpty ? others : place(masks, known, layerAfter))
  }
}

/** What became of a suggestion: one entry each, the latest use holds. */
export function recordSuggestion(use: SuggestionUse): Change {
  return (content) => {
    const others = (content.suggestions ?? []).filter((entry) => entry.id !== use.id)
    const known = content.suggestions?.find((entry) => entry.id === use.id)
    // Having been shown is implied by every later use.
    if (known && (use.action === 'shown' || use.action === known.action)) return content
    return { ...content, suggestions: [...others, use] }
  }
}

/** What is said and drawn before any suggestion is seen; the first time holds. */
export function commitFirstImpression({ answers, scoped, regions, masks }: Content, at: string): Change {
  const first_impression = { answers, ...(scoped && { scoped }), ...(regions && { regions }), ...(masks && { masks }), at }
  return (content) => (content.first_impression ? content : { ...content, first_impression })
}

/** What another version of the read has committed for good: its first impression, and which suggestions were seen. What
 * was decided about them there belongs to its answers and drawings, and stays with them. */
export function keepCommitted({ first_impression, suggestions = [] }: Content): Change {
  return (content) => {
    const known = content.suggestions ?? []
    const seen = suggestions.filter(({ id }) => !known.some((use) => use.id === id)).map((use) => ({ ...use, action: 'shown' as const }))
    return {
      ...content, ...(first_impression && { first_impression }), ...(seen.length > 0 && { suggestions: [...known, ...seen] }),
    }
  }
}

function editRegion(id: string, part: Partial<Region>): Change {
  return replaceRegion(id, (region) => (region.is_locked ? region : { ...region, ...part }))
}

function replaceRegion(id: string, change: (region: Region) => Region): Change {
  return (content) => {
    const known = content.regions ?? []
    const next = known.map((region) => {
      if (region.id !== id) return region
      const changed = change(region)
      return same(changed, region) ? region : changed
    })
    return next.every((region, i) => region === known[i]) ? content : withRegions(content, next)
  }
}

function withRegions(content: Content, regions: readonly Region[]): Content {
  return withList(content, 'regions', regions)
}

/** An empty list is no key at all: content of a case without findings stays as short as it was. */
function withList(
  content: Content, key: 'regions' | 'masks' | 'scoped', list: readonly unknown[],
): Content {
  if (list.length > 0) return { ...content, [key]: list }
  return without(content, key)
}

function without<T extends object>(object: T, key: string): T {
  const copy = { ...object }
  Reflect.deleteProperty(copy, key)
  return copy
}

function withScoped(content: Content, where: ScopedPlace, answers: Answers): Content {
  const known = content.scoped ?? []
  const entry = known.find((e) => isPlace(e, where))
  const isEmpty = Object.keys(answers).length === 0
  const after: ScopedAnswers = { ...pick(where), answers }
  const others = known.filter((e) => e !== entry)
  return withList(content, 'scoped', isEmpty ? others : place(known, entry, after))
}

/** The list with `after` in the place of `before`, or at its end. */
function place<T>(list: readonly T[], before: T | undefined, after: T): T[] {
  return before === undefined
    ? [...list, after]
    : list.map((item) => (item === before ? after : item))
}

function pick(where: ScopedPlace): ScopedPlace {
  return 'series_instance_uid' in where
    ? { series_instance_uid: where.series_instance_uid }
    : { sop_instance_uid: where.sop_instance_uid, frame: where.frame }
}

function isPlace(entry: ScopedPlace, where: ScopedPlace): boolean {
  return same(pick(entry), pick(where))
}

export function placeKey({ sop_instance_uid, frame }: Place): string {
  return `${sop_instance_uid}:${frame}`
}

/** Whether they are of one layer, series and size: images of several sizes in one series have a mask each. */
export function isTarget(mask: Omit<MaskLayer, 'slices'>, target: Omit<MaskLayer, 'slices'>): boolean {
  return mask.layer === target.layer && mask.series_instance_uid === target.series_instance_uid
    && mask.rows === target.rows && mask.columns === target.columns
}

function same(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

export interface Proposed {
  answers?: Answers
  scoped?: readonly ScopedAnswers[]
  regions?: readonly Region[]
  /** With the whole slices that are to be, ours in them. */
  masks?: readonly MaskLayer[]
}

/** Take over what a model proposes: its answers replace ours, on the study and on series, but for those that the reader
 * changed since the read was `before`; its regions and masks join ours. */
export function takeSuggestion(proposed: Proposed, use: SuggestionUse, before?: Content): Change {
  return (content) => {
    const then = before ?? content
    const answers = replaced(content.answers, then.answers, proposed.answers)
    const withSeries = (proposed.scoped ?? []).reduce(
      (all, one) => withScoped(all, pick(one), replaced(scopedAnswers(all, one), scopedAnswers(then, one), one.answers)),
      withAnswers(content, answers),
    )
    const withRegions = (proposed.regions ?? []).reduce((all, region) => addRegion(region)(all), withSeries)
    const withMasks = (proposed.masks ?? []).reduce(
      (all, mask) => paint(mask, new Map(Object.entries(mask.slices)))(all), withRegions,
    )
    return recordSuggestion(use)(withMasks)
  }
}

/** Answers with the proposed ones in them, where they are as they were. */
function replaced(answers: Answers, before: Answers, proposed: Answers = {}): Answers {
  const untouched = Object.entries(proposed).filter(([key]) => same(answers[key], before[key]))
  return { ...answers, ...Object.fromEntries(untouched) }
}
