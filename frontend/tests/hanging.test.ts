import { describe, expect, it } from 'vitest'
import type { ViewerSeries, ViewerStudy } from '../src/viewer/dicomweb'
import { planFor, type HangingRule } from '../src/viewer/hanging'

function series(uid: string, part: Partial<ViewerSeries> = {}): ViewerSeries {
  return {
    series_instance_uid: uid, modality: 'CT', series_description: '', not_a_volume: null,
    is_prepared: true, instances: [], ...part,
  }
}

function study(all: ViewerSeries[], part: Partial<ViewerStudy> = {}): ViewerStudy {
  return { study_instance_uid: 'now', study_description: '', series: all, ...part }
}

function rule(part: Partial<HangingRule>): HangingRule {
  return { name: 'rule', match: {}, layout: '1x2', panes: [{}], ...part }
}

const scout = series('scout', { series_description: 'Topogram', not_a_volume: 'single_image' })
const soft = series('soft', { series_description: 'Thorax 3.0 soft' })
const lung = series('lung', { series_description: 'Thorax LUNG 1.0', orientation: 'axial' })
const chest = study([scout, soft, lung], { study_description: 'CT Chest' })
const shown = (plan: ReturnType<typeof planFor>) =>
  plan.panes.map((pane) => pane?.series.series_instance_uid ?? null)

describe('a rule', () => {
  it('is not needed: the first series is a plain stack, without a word', () => {
    const plan = planFor(chest, [], [])
    expect(plan).toMatchObject({ name: '', layout: '1x1', notice: null })
    expect(plan.panes).toEqual([{ study: chest, series: scout, as: 'stack', preset: '' }])
  })

  it('that does not match leaves a plain stack and says so', () => {
    const plan = planFor(chest, [], [rule({ match: { modality: ['MR'] } })])
    expect(shown(plan)).toEqual(['scout'])
    expect(plan.notice).toEqual({ code: 'no_rule_fits' })
  })

  it('matches by modality, description in any case, body part, orientation and priors', () => {
    const abdomen = study([series('a', { body_part_examined: 'abdomen' })])
    const matching: [ViewerStudy, ViewerStudy[], NonNullable<HangingRule['match']>, boolean][] = [
      [chest, [], { description: 'cHeSt' }, true],
      [chest, [], { description: 'topogram' }, true],
      [chest, [], { description: 'head' }, false],
      [abdomen, [], { body_part: ['ABDOMEN', 'PELVIS'] }, true],
      [chest, [], { body_part: ['ABDOMEN'] }, false],
      [chest, [], { orientation: ['axial'] }, true],
      [chest, [], { orientation: ['coronal', 'axial'] }, true],
      [chest, [], { orientation: ['sagittal'] }, false],
      [chest, [], { orientation: [] }, true],
      [abdomen, [chest], { orientation: ['axial'] }, false],
      [chest, [], { has_prior: true }, false],
      [chest, [abdomen], { has_prior: true }, true],
      [chest, [abdomen], { has_prior: false }, false],
    ]
    for (const [one, priors, match, isMatch] of matching) {
      expect(planFor(one, priors, [rule({ match })]).name).toBe(isMatch ? 'rule' : '')
    }
  })

  it('wins when it is the first that matches, and says what it did not find', () => {
    const partly = rule({ name: 'bone', panes: [{ description: 'bone' }] })
    const whole = rule({ name: 'lung', panes: [{ description: 'lung' }] })
    expect(planFor(chest, [], [whole, partly])).toMatchObject({ name: 'lung', notice: null })
    const plan = planFor(chest, [], [partly, whole])
    expect(plan.name).toBe('bone')
    expect(plan.notice).toEqual({ code: 'rule_incomplete', rule: 'bone' })
  })

  it('is passed over where it finds nothing to show', () => {
    const nothing = rule({ name: 'pet', panes: [{ modality: ['PT'] }] })
    expect(planFor(chest, [], [nothing, rule({ name: 'any' })]).name).toBe('any')
  })

  it('links what it names and fills the grid with empty panes', () => {
    const plan = planFor(chest, [], [rule({ layout: '2x2', sync: ['scroll', 'zoom'] })])
    expect(plan.links).toEqual({ scroll: true, window: false, zoom: true })
    expect(shown(plan)).toEqual(['soft', null, null, null])
  })
})

describe('panes', () => {
  it('take the best series each, and none twice', () => {
    const panes = [{ description: 'lung', preset: 'lung' }, {}, {}, {}]
    const plan = planFor(chest, [], [rule({ layout: '2x2', panes })])
    expect(shown(plan)).toEqual(['lung', 'soft', 'scout', null])
    expect(plan.panes[0]?.preset).toBe('lung')
  })

  it('take one series again where another plane or another window of it is asked for', () => {
    const one = study([lung])
    const planes = (['axial', 'sagittal', 'coronal'] as const).map((as) => ({ as }))
    expect(shown(planFor(one, [], [rule({ layout: '1x3', panes: planes })]))).toEqual(
      ['lung', 'lung', 'lung'],
    )
    const windows = [{ preset: 'lung' }, { preset: 'soft_tissue' }]
    expect(shown(planFor(one, [], [rule({ panes: windows })]))).toEqual(['lung', 'lung'])
  })

  it('prefer volumes for planes and the orientation asked for', () => {
    const broken = series('broken', { series_description: 'lung', not_a_volume: 'tilted_gantry' })
    const one = study([broken, lung])
    const plan = planFor(one, [], [rule({ panes: [{ as: 'coronal' }, { orientation: 'axial' }] })])
    expect(shown(plan)).toEqual(['lung', 'lung'])
  })

  it('never show another modality than asked for', () => {
    const pet = study([scout, series('pet', { modality: 'PT' })])
    const plan = planFor(pet, [], [rule({ panes: [{ modality: ['PT'] }, { modality: ['MR'] }] })])
    expect(shown(plan)).toEqual(['pet', null])
  })

  it('reach the newest prior', () => {
    const prior = study([series('old')], { study_instance_uid: 'then' })
    const panes = [{ description: 'soft' }, { prior: 1 }]
    const plan = planFor(chest, [prior], [rule({ panes })])
    expect(shown(plan)).toEqual(['soft', 'old'])
    expect(plan.panes[1]?.study).toBe(prior)
    expect(shown(planFor(chest, [], [rule({ panes })]))).toEqual(['soft', null])
  })
})
