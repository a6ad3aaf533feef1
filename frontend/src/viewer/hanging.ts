/** Hanging protocols: which series of a study stands in which pane, by the project's rules: pure. */
import type { ViewerSeries, ViewerStudy } from './dicomweb'
import { shapeOf } from './layout'
import type { PlanNotice } from './messages'
import type { Layout, Links, Presentation } from './types'

export type LinkName = keyof Links

export const ORIENTATIONS = ['axial', 'sagittal', 'coronal'] as const
export type Orientation = (typeof ORIENTATIONS)[number]

export interface HangingMatch {
  modality?: readonly string[] | null
  /** Part of the description of the study or of one of its series, in any case. */
  description?: string | null
  body_part?: readonly string[] | null
  /** Of any series of the study. */
  orientation?: readonly Orientation[] | null
  has_prior?: boolean | null
}

export interface HangingPane {
  modality?: readonly string[] | null
  description?: string | null
  body_part?: readonly string[] | null
  orientation?: Orientation | null
  /** 0 is the study itself, 1 the newest of the earlier ones. */
  prior?: number
  preset?: string | null
  as?: Presentation
}

export interface HangingRule {
  name: string
  match?: HangingMatch
  layout: Layout
  sync?: readonly LinkName[]
  panes: readonly HangingPane[]
}

export interface PanePlan {
  study: ViewerStudy
  series: ViewerSeries
  as: Presentation
  /** Empty: as the image says. */
  preset: string
}

export interface HangingPlan {
  /** The rule's name; empty where none matched. */
  name: string
  layout: Layout
  links: Links
  /** One per pane of the layout; null stays empty. */
  panes: (PanePlan | null)[]
  /** What the reader should know about it; null where the rule found everything. */
  notice: PlanNotice | null
}

const NO_LINKS: Links = { scroll: false, window: false, zoom: false }

/** The first rule that matches and finds anything of what it shows; else a plain stack. */
export function planFor(
  study: ViewerStudy, priors: readonly ViewerStudy[], rules: readonly HangingRule[],
): HangingPlan {
  for (const rule of rules) {
    if (!matches(rule.match ?? {}, study, priors)) continue
    const plan = hang(rule, study, priors)
    if (plan.panes.some((pane) => pane !== null)) return plan
  }
  return plainPlan(study, rules.length > 0)
}

function matches(
  match: HangingMatch, study: ViewerStudy, priors: readonly ViewerStudy[],
): boolean {
  const { series } = study
  const descriptions = [study.study_description ?? '', ...series.map((s) => s.series_description)]
  const has = (test: (series: ViewerSeries) => boolean) => series.some(test)
  return (
    (!match.modality?.length || has((s) => isOneOf(match.modality, s.modality))) &&
    (!match.description || descriptions.some((text) => includes(text, match.description))) &&
    (!match.body_part?.length || has((s) => isOneOf(match.body_part, s.body_part_examined))) &&
    (!match.orientation?.length || has((s) => isOneOf(match.orientation, s.orientation))) &&
    ((match.has_prior ?? null) === null || match.has_prior === priors.length > 0)
  )
}

function hang(
  rule: HangingRule, study: ViewerStudy, priors: readonly ViewerStudy[],
): HangingPlan {
  const panes: (PanePlan | null)[] = []
  let misses = 0
  for (const wanted of rule.panes.slice(0, shapeOf(rule.layout).count)) {
    const source = [study, ...priors][wanted.prior ?? 0]
    const found = source ? choose(wanted, source, panes) : null
    misses += found ? found.misses : criteriaOf(wanted) + 1
    panes.push(found?.plan ?? null)
  }
  const { count } = shapeOf(rule.layout)
  while (panes.length < count) panes.push(null)
  return planOf(rule, panes, misses)
}

function planOf(rule: HangingRule, panes: (PanePlan | null)[], misses: number): HangingPlan {
  const sync = rule.sync ?? []
  return {
    name: rule.name,
    layout: rule.layout,
    links: {
      scroll: sync.includes('scroll'), window: sync.includes('window'), zoom: sync.includes('zoom'),
    },
    panes,
    notice: misses === 0 ? null : { code: 'rule_incomplete', rule: rule.name },
  }
}

/** The series that misses least of what a pane asks for; a modality is never missed. */
function choose(
  wanted: HangingPane, study: ViewerStudy, taken: readonly (PanePlan | null)[],
): { plan: PanePlan; misses: number } | null {
  const as = wanted.as ?? 'stack'
  const preset = wanted.preset ?? ''
  let best: { plan: PanePlan; misses: number; rank: number } | null = null
  for (const series of study.series) {
    if (wanted.modality?.length && !isOneOf(wanted.modality, series.modality)) continue
    const uses = taken.filter((pane) => pane?.series === series)
    // The same picture twice helps nobody; another plane or window of it was asked for.
    if (uses.some((use) => use?.as === as && (!preset || use.preset === preset))) continue
    const misses = missesOf(wanted, series, as)
    const isUsed = uses.length > 0 && as === 'stack'
    const rank = misses * 4 + (isUsed ? 2 : 0) + (series.not_a_volume ? 1 : 0)
    if (!best || rank < best.rank) best = { plan: { study, series, as, preset }, misses, rank }
  }
  return best
}

function missesOf(wanted: HangingPane, series: ViewerSeries, as: Presentation): number {
  const isMissed = [
    wanted.description && !includes(series.series_description, wanted.description),
    wanted.body_part?.length && !isOneOf(wanted.body_part, series.body_part_examined),
    wanted.orientation && series.orientation !== wanted.orientation,
    as !== 'stack' && series.not_a_volume,
  ]
  return isMissed.filter(Boolean).length
}

function criteriaOf(wanted: HangingPane): number {
  const { description, body_part, orientation, as } = wanted
  return [description, body_part?.length, orientation, as && as !== 'stack'].filter(Boolean).length
}

function plainPlan(study: ViewerStudy, hasRules: boolean): HangingPlan {
  const [series] = study.series
  return {
    name: '',
    layout: '1x1',
    links: NO_LINKS,
    panes: [series ? { study, series, as: 'stack', preset: '' } : null],
    notice: hasRules ? { code: 'no_rule_fits' } : null,
  }
}

function isOneOf(wanted: readonly string[] | null | undefined, value: string | undefined): boolean {
  return wanted?.some((one) => one.toUpperCase() === (value ?? '').toUpperCase()) ?? false
}

function includes(text: string, part: string | null | undefined): boolean {
  return text.toLowerCase().includes((part ?? '').toLowerCase())
}
