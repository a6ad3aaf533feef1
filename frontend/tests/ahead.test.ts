import { expect, it } from 'vitest'
import type { Reading, Schemas } from '../src/api/client'
import { planOfNext, planOfRead } from '../src/labeling/hung'
import { framesOfNext, type AheadSeries } from '../src/viewer/ahead'
import { FakeServer } from './fakes'

const LIMIT = 1000
const series = (name: string, frames: number, part: Partial<AheadSeries> = {}): AheadSeries => ({
  imageIds: Array.from({ length: frames }, (_, i) => `${name}${i + 1}`), frameBytes: 10, as: 'stack', ...part,
})
const names = (frames: readonly { imageId: string }[]) => frames.map(({ imageId }) => imageId).join(' ')

it('fetches the middle of every series that will hang, and no more of stacks', () => {
  const { first, rest } = framesOfNext([series('a', 5), series('prior', 4), series('x', 1), series('none', 0)], LIMIT, 0)
  expect(names(first)).toBe('a3 prior2 x1')
  expect(rest).toEqual([])
})

it('fetches what a plane cuts from its middle outwards, each frame once', () => {
  const volume = series('v', 5, { as: 'sagittal' })
  const { first, rest } = framesOfNext([volume, { ...volume, as: 'axial' }, { ...volume, as: 'stack' }], LIMIT, 0)
  expect(names(first)).toBe('v3')
  expect(names(rest)).toBe('v4 v2 v5 v1')
  expect(rest[0]?.bytes).toBe(10)
})

it('begins nothing for which there is no room beside the volumes and the reserve', () => {
  const large = series('large', 3, { frameBytes: 600 })
  expect(names(framesOfNext([large, large], LIMIT, 0).first)).toBe('large2')
  expect(names(framesOfNext([large, series('small', 3)], LIMIT, 200).first)).toBe('small2')
})

const ct = (uid: string, description: string) => ({
  series_instance_uid: uid, modality: 'CT', series_description: description, body_part_examined: '', laterality: '',
  orientation: 'axial', not_a_volume: null, is_prepared: true, instances: [{ sop_instance_uid: `${uid}.1`, number_of_frames: 1 }],
})

it('hangs the next case as it will hang when it is open: by its own rules, with its priors', () => {
  const known = new FakeServer([]).reading('a')
  const study = { ...known.study, study_instance_uid: 'now', series: [ct('1', 'scout'), ct('2', 'lung')] }
  const priors = [{ ...known.study, study_instance_uid: 'before', series: [ct('3', 'lung')] }]
  const hanging = [{
    name: 'with prior', match: { has_prior: true }, layout: '1x2',
    panes: [{ description: 'lung', as: 'axial', preset: 'lung' }, { description: 'lung', prior: 1 }],
  }]
  const next = planOfNext({ case_id: 'a', study, priors, hanging } as unknown as Schemas['Upcoming'])
  expect(next.panes.map((pane) => [pane?.study.study_instance_uid, pane?.series.series_instance_uid, pane?.as, pane?.preset]))
    .toEqual([['now', '2', 'axial', 'lung'], ['before', '3', 'stack', '']])
  const schema = { ...known.annotation.schema, definition: { hanging } }
  const opened = { ...known, study, priors, annotation: { ...known.annotation, schema } } as unknown as Reading
  expect(planOfRead(opened)).toEqual(next)
})
