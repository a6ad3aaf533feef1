import { expect, it } from 'vitest'
import type { Reading } from '../src/api/client'
import { GLANCE_MS, Sight } from '../src/labeling/Sight'
import { EMPTY_PANE } from '../src/viewer/emptyState'
import type { PaneState } from '../src/viewer/types'

/** A case whose study has so many series, after an earlier study. */
function reading(uid: string, series = 1): Reading {
  const study = (name: string, count: number) => ({
    study_instance_uid: name,
    series: Array.from({ length: count }, (_, number) => ({
      series_instance_uid: `${name}.${number}`, modality: 'CT', series_description: '', not_a_volume: null, is_prepared: true,
      instances: [{ sop_instance_uid: `${name}.${number}.1`, number_of_frames: 1 }],
    })),
  })
  return { study: study(uid, series), priors: [study('earlier', 1)], annotation: { schema: { definition: {} } } } as unknown as Reading
}

function pane({ study }: Pick<Reading, 'study'>, status: PaneState['status']): PaneState {
  return { ...EMPTY_PANE, study, status }
}

function opened(one: Reading): Sight {
  const sight = new Sight()
  sight.open(one)
  return sight
}

it('has seen a case a moment after the first of its images came', () => {
  const one = reading('one')
  const sight = opened(one)
  sight.look([pane(one, 'loading')], 0)
  expect(sight.hasSeen(one, 10_000)).toBe(false)
  sight.look([pane(one, 'shown')], 10_000)
  sight.look([pane(one, 'loading')], 10_100) // another series
  sight.look([pane(one, 'shown')], 10_200)
  expect(sight.hasSeen(one, 10_000 + GLANCE_MS - 1)).toBe(false)
  expect(sight.hasSeen(one, 10_000 + GLANCE_MS)).toBe(true)
})

it('waits for images that come, not for those that failed', () => {
  const one = reading('one')
  const sight = opened(one)
  sight.look([pane(one, 'failed')], 0)
  expect(sight.hasSeen(one, GLANCE_MS)).toBe(true)
})

it('has not seen a case by its earlier study, nor by the case before', () => {
  const [one, next] = [reading('one'), reading('next')]
  const [prior] = one.priors
  if (!prior) throw new Error('a case with an earlier study')
  const sight = opened(one)
  sight.look([pane({ study: prior }, 'shown')], 0)
  expect(sight.hasSeen(one, GLANCE_MS)).toBe(false)
  sight.look([pane(one, 'shown')], 0)
  expect(sight.hasSeen(next, GLANCE_MS)).toBe(false)
  sight.open(next)
  sight.look([pane(next, 'loading')], GLANCE_MS)
  expect(sight.hasSeen(next, 2 * GLANCE_MS)).toBe(false)
})

it('waits for no image of a study that has none', () => {
  const empty = reading('empty', 0)
  const sight = opened(empty)
  sight.look([EMPTY_PANE], 0)
  expect(sight.hasSeen(empty, GLANCE_MS)).toBe(true)
})
