/** PURE. How two versions of one read differ, in words and with where: everything that a read holds is compared. */
import { t } from '../i18n'
import type { MaskLayer, Region } from '../viewer/types'
import { regionTitle, whereIs, type Case } from './amiss'
import { shownAnswer } from './answerText'
import { drawnMasks, isDrawn, isSameJson, type Answers, type Content, type ScopedPlace } from './content'

export interface Difference {
  what: string
  here: string
  there: string
}

/** The study and the schema that the versions speak of. */
type Of = Pick<Case, 'study' | 'definition'>
type Version = Pick<Content, 'answers' | 'scoped' | 'regions' | 'masks'>

/** Everything that they say otherwise. What cannot be read off the words (recorded times, the order of lists) is left
 * out: compare the contents themselves to know of it. */
export function differencesOf(mine: Content, theirs: Content, of: Of): Difference[] {
  return [
    ...saidAndDrawn(mine, theirs, of), ...ofSuggestions(mine, theirs), ...ofFirstImpression(mine, theirs, of),
    ...ofUnknown(mine, theirs),
  ]
}

function saidAndDrawn(mine: Version, theirs: Version, of: Of): Difference[] {
  return [
    ...ofAnswers(mine.answers, theirs.answers, '', of), ...ofPlaces(mine, theirs, of), ...ofRegions(mine, theirs, of),
    ...ofMasks(mine, theirs, of), ...ofImportedMasks(mine, theirs),
  ]
}

function ofAnswers(mine: Answers, theirs: Answers, where: string, { definition }: Of): Difference[] {
  return keysOf(mine, theirs).flatMap((key) => {
    const question = definition.questions?.find((one) => one.key === key)
    const [here, there] = [shownAnswer(mine[key], question), shownAnswer(theirs[key], question)]
    return differing(joined(where, question?.label ?? key), here, there)
  })
}

/** Of series and images, each where it lies. */
function ofPlaces(mine: Version, theirs: Version, of: Of): Difference[] {
  const [here, there] = [byKey(mine.scoped ?? [], placeKey), byKey(theirs.scoped ?? [], placeKey)]
  return pairs(here, there).flatMap(([own, other]) => {
    const place = own ?? other
    return place ? ofAnswers(own?.answers ?? {}, other?.answers ?? {}, whereIs(place, of), of) : []
  })
}

function ofRegions(mine: Version, theirs: Version, of: Of): Difference[] {
  const [here, there] = [byKey(mine.regions ?? [], idOf), byKey(theirs.regions ?? [], idOf)]
  const alone = pairs(here, there).flatMap(([own, other], index) => {
    if (own && other) return ofRegion(own, other, regionWhere(own, index, of), of)
    const region = own ?? other
    const [is, isNot] = [t('conflict.drawn'), t('conflict.not_drawn')]
    return region ? differing(regionWhere(region, index, of), own ? is : isNot, other ? is : isNot) : []
  })
  return [...differing(t('conflict.regions'), String(here.size), String(there.size)), ...alone]
}

function ofRegion(mine: Region, theirs: Region, where: string, of: Of): Difference[] {
  const shape = ({ kind, sop_instance_uid, frame, pixels, points }: Region) => ({ kind, sop_instance_uid, frame, pixels, points })
  const label = ({ label: key }: Region) => of.definition.region_labels?.find((one) => one.key === key)?.label ?? (key || '–')
  const isMoved = !isSameJson(shape(mine), shape(theirs))
  const state = ({ is_hidden, is_locked }: Region) =>
    [t(is_hidden ? 'conflict.hidden' : 'conflict.visible'), t(is_locked ? 'conflict.locked' : 'conflict.unlocked')].join(', ')
  return [
    ...(isMoved ? [{ what: where, here: drawnOn(mine, of), there: t('conflict.otherwise', { where: drawnOn(theirs, of) }) }] : []),
    ...differing(joined(where, t('regions.label')), label(mine), label(theirs)),
    ...differing(joined(where, t('regions.name')), mine.name || '–', theirs.name || '–'),
    ...differing(where, state(mine), state(theirs)),
    ...ofAnswers(mine.answers as Answers, theirs.answers as Answers, where, of),
  ]
}

function drawnOn(region: Region, of: Of): string {
  return t('conflict.drawn_on', { image: whereIs(region, of) })
}

function regionWhere(region: Region, index: number, of: Of): string {
  const entry = t('regions.entry', { number: index + 1, title: regionTitle(region, of) })
  return t('amiss.region', { entry, image: whereIs(region, of) })
}

function ofMasks(mine: Version, theirs: Version, of: Of): Difference[] {
  const [here, there] = [byKey(drawnMasks(mine), layerKey), byKey(drawnMasks(theirs), layerKey)]
  return pairs(here, there).flatMap(([own, other]) => {
    const mask = own ?? other
    if (!mask || isSameJson(own?.slices, other?.slices)) return []
    const image = whereIs({ series_instance_uid: mask.series_instance_uid }, of)
    const what = t('amiss.mask', { layer: mask.layer, image })
    return [{ what, here: paintedOn(own), there: paintedOn(other, otherwise(own, other)) }]
  })
}

function paintedOn(mask: MaskLayer | undefined, changed = 0): string {
  const count = t('conflict.images', { count: Object.keys(mask?.slices ?? {}).length })
  return changed === 0 ? count : t('conflict.some_otherwise', { count: changed, images: count })
}

/** How many slices both have painted, each in its own way. */
function otherwise(mine: MaskLayer | undefined, theirs: MaskLayer | undefined): number {
  return Object.entries(theirs?.slices ?? {}).filter(([place, hash]) => (mine?.slices[place] ?? hash) !== hash).length
}

function ofImportedMasks(mine: Version, theirs: Version): Difference[] {
  const [here, there] = [mine, theirs].map(({ masks = [] }) => masks.filter((mask) => !isDrawn(mask))) as [unknown[], unknown[]]
  if (isSameJson(here, there)) return []
  const shown = (masks: unknown[]) => t('conflict.imported', { count: masks.length })
  return [{ what: t('conflict.masks'), here: shown(here), there: t('conflict.otherwise', { where: shown(there) }) }]
}

function ofSuggestions(mine: Content, theirs: Content): Difference[] {
  const [here, there] = [byKey(mine.suggestions ?? [], idOf), byKey(theirs.suggestions ?? [], idOf)]
  return pairs(here, there).flatMap(([own, other], index) => {
    const [did, didThere] = [own, other].map((use) => t(`conflict.suggestion_${use?.action ?? 'unseen'}`)) as [string, string]
    return differing(t('conflict.suggestion', { number: index + 1 }), did, didThere)
  })
}

function ofFirstImpression(mine: Content, theirs: Content, of: Of): Difference[] {
  const [here, there] = [mine.first_impression, theirs.first_impression]
  const what = t('conflict.first_impression')
  if (!here || !there) {
    return differing(what, t(here ? 'conflict.kept' : 'conflict.not_kept'), t(there ? 'conflict.kept' : 'conflict.not_kept'))
  }
  return saidAndDrawn(here, there, of).map((one) => ({ ...one, what: joined(what, one.what) }))
}

const KNOWN: readonly string[] = [
  'answers', 'scoped', 'regions', 'masks', 'suggestions', 'first_impression',
] satisfies (keyof Content)[]

/** What a later version of the program has written: by its name, as it is stored. */
function ofUnknown(mine: Content, theirs: Content): Difference[] {
  const [own, other] = [mine, theirs] as unknown as Record<string, unknown>[]
  const shown = (value: unknown) => (value === undefined ? '–' : JSON.stringify(value))
  return keysOf(own ?? {}, other ?? {}).filter((key) => !KNOWN.includes(key) && !isSameJson(own?.[key], other?.[key]))
    .map((key) => ({ what: key, here: shown(own?.[key]), there: shown(other?.[key]) }))
}

function differing(what: string, here: string, there: string): Difference[] {
  return here === there ? [] : [{ what, here, there }]
}

function joined(where: string, what: string): string {
  return where === '' ? what : `${where} · ${what}`
}

function keysOf(mine: object, theirs: object): string[] {
  return [...new Set([...Object.keys(mine), ...Object.keys(theirs)])]
}

function byKey<T>(entries: readonly T[], key: (entry: T) => string): Map<string, T> {
  return new Map(entries.map((entry) => [key(entry), entry]))
}

/** What is the same in both, side by side; undefined where one has none. */
function pairs<T>(here: ReadonlyMap<string, T>, there: ReadonlyMap<string, T>): [T | undefined, T | undefined][] {
  return [...new Set([...here.keys(), ...there.keys()])].map((key) => [here.get(key), there.get(key)])
}

function placeKey(place: ScopedPlace): string {
  return 'series_instance_uid' in place ? place.series_instance_uid : `${place.sop_instance_uid}:${place.frame}`
}

function idOf({ id }: { id: string }): string {
  return id
}

function layerKey({ layer, series_instance_uid, rows, columns }: MaskLayer): string {
  return `${layer}:${series_instance_uid}:${rows}:${columns}`
}
