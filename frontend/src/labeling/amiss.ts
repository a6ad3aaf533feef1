/** PURE. Where in a case something is amiss: in words, and as a place to go to. */
import type { Schemas } from '../api/client'
import { t } from '../i18n'
import { imagesOf } from '../viewer/dicomweb'
import { middleOf } from '../viewer/regions/shapes'
import type { Place, Region } from '../viewer/types'
import { isDrawn, type Content, type ScopedPlace } from './content'
import { definitionOfRead, type Definition } from './definition'
import type { Subject } from './questions'
import type { Snapshot } from './sessionState'

export type Target =
  | (Place & { pixel: [number, number] | null; region: string | null })
  | { series_instance_uid: string }

export interface Amiss {
  where: string
  what: string
  /** Null where there is nothing to show. */
  target: Target | null
}

/** What the paths in the content speak of. */
export interface Case {
  content: Content
  study: Schemas['Study']
  definition: Definition
}

export function caseOf({ reading, content }: Pick<Snapshot, 'reading' | 'content'>): Case | null {
  return reading && { content, study: reading.study, definition: definitionOfRead(reading) }
}

type Found = Omit<Amiss, 'what'>

const ENTRY = /^(regions|scoped|masks)\[(\d+)\](?:\.(.*))?$/
const ANSWER = /^answers\.(.+)$/
const SLICE = /^slices\.([\d.]+):(\d+)$/

/** What the server found wrong, by the path in the content, in the order of the paths. */
export function amissIn(problems: Readonly<Record<string, string>>, of: Case): Amiss[] {
  return Object.entries(problems).map(([path, what]) => {
    const [, list = '', index = '', rest = ''] = ENTRY.exec(path) ?? []
    const found = list === '' ? null : foundIn(list, Number(index), rest, of)
    const question = questionOf(found ? rest : path, of)
    const where = [found?.where, question].filter(Boolean).join(' · ') || path
    return { where, what, target: found?.target ?? null }
  })
}

/** Where a question still needs an answer. */
export function missingIn(subject: Subject, key: string, of: Case): Amiss {
  const found = placeOfSubject(subject, of)
  return { where: found?.where ?? '', what: questionOf(`answers.${key}`, of) ?? key, target: found?.target ?? null }
}

/** A series or an image of the study in words. */
export function whereIs(place: ScopedPlace, of: Pick<Case, 'study'>): string {
  return ('series_instance_uid' in place ? seriesOf(place.series_instance_uid, of) : frameOf(place, of)).where
}

/** What a region is called: by its name, its label or what it is. */
export function regionTitle({ name, label: key, kind }: Region, { definition }: Pick<Case, 'definition'>): string {
  return name || definition.region_labels?.find((label) => label.key === key)?.label || t(`tool.${kind}`)
}

function foundIn(list: string, index: number, rest: string, of: Case): Found | null {
  if (list === 'regions') return regionAt(index, of)
  if (list === 'masks') return maskAt(index, rest, of)
  const entry = of.content.scoped?.[index]
  if (!entry) return null
  return 'series_instance_uid' in entry ? seriesOf(entry.series_instance_uid, of) : frameOf(entry, of)
}

function placeOfSubject(subject: Subject, of: Case): Found | null {
  if (subject.scope === 'study') return null
  if (subject.scope === 'region') {
    return regionAt((of.content.regions ?? []).findIndex(({ id }) => id === subject.region.id), of)
  }
  const { place } = subject
  return 'series_instance_uid' in place ? seriesOf(place.series_instance_uid, of) : frameOf(place, of)
}

function regionAt(index: number, of: Case): Found | null {
  const region = of.content.regions?.[index]
  if (!region) return null
  const entry = t('regions.entry', { number: index + 1, title: regionTitle(region, of) })
  const { sop_instance_uid, frame, id } = region
  return {
    where: t('amiss.region', { entry, image: frameOf(region, of).where }),
    target: { sop_instance_uid, frame, pixel: middleOf(region.pixels), region: id },
  }
}

function maskAt(index: number, rest: string, of: Case): Found | null {
  const mask = of.content.masks?.[index]
  if (!mask || !isDrawn(mask)) return null
  const named = SLICE.exec(rest) ?? /^([\d.]+):(\d+)$/.exec(Object.keys(mask.slices)[0] ?? '')
  const found = named && !rest.startsWith('series') ? frameOf({ sop_instance_uid: named[1] ?? '', frame: Number(named[2]) }, of) : seriesOf(mask.series_instance_uid, of)
  return { where: t('amiss.mask', { layer: mask.layer, image: found.where }), target: found.target }
}

function frameOf({ sop_instance_uid, frame }: Place, { study }: Pick<Case, 'study'>): Found {
  const target = { sop_instance_uid, frame, pixel: null, region: null }
  for (const series of study.series) {
    const index = imagesOf(series).findIndex((one) => one.sop_instance_uid === sop_instance_uid && one.frame === frame)
    if (index < 0) continue
    return { where: t('question.of_image', { number: index + 1, name: nameOf(series) }), target }
  }
  return { where: t('amiss.elsewhere'), target: null }
}

function seriesOf(uid: string, { study }: Pick<Case, 'study'>): Found {
  const series = study.series.find((one) => one.series_instance_uid === uid)
  if (!series) return { where: t('amiss.elsewhere'), target: null }
  return { where: t('question.of_series', { name: nameOf(series) }), target: { series_instance_uid: uid } }
}

function nameOf({ series_description, modality }: Schemas['Study']['series'][number]): string {
  return series_description || modality
}

function questionOf(path: string, { definition }: Case): string | null {
  const [, key] = ANSWER.exec(path) ?? []
  return key === undefined ? null : (definition.questions?.find((one) => one.key === key)?.label ?? key)
}
