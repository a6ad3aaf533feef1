import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { ViewerStudy } from '../src/viewer/dicomweb'
import { planFor, type HangingPlan } from '../src/viewer/hanging'
import { SeriesLoader } from '../src/viewer/loading'

const asked: string[] = []

function study(uid: string): ViewerStudy {
  const series = ['scout', 'lung'].map((name) => ({
    series_instance_uid: `${uid}.${name}`, modality: 'CT', series_description: name, not_a_volume: null, is_prepared: true,
    instances: [1, 2, 3].map((n) => ({ sop_instance_uid: `${uid}.${name}.${n}`, number_of_frames: 1 })),
  }))
  return { study_instance_uid: uid, series }
}

function lungs(one: ViewerStudy, ...priors: ViewerStudy[]): HangingPlan {
  const panes = [{ description: 'lung', as: 'axial' as const }, { description: 'lung', prior: 1 }]
  return planFor(one, priors, [{ name: 'lungs', layout: '1x2', panes }])
}

beforeEach(() => {
  asked.length = 0
  vi.stubGlobal('fetch', (url: string) => {
    asked.push(url)
    const dataset = { '00080018': { vr: 'UI', Value: ['1'] } }
    return Promise.resolve(new Response(JSON.stringify([dataset])))
  })
})
afterEach(() => vi.unstubAllGlobals())

it('asks for the series that the plan hangs, of the study and of its prior, and for no other', async () => {
  await new SeriesLoader('http://host').prefetch(lungs(study('new'), study('old')), [])
  expect(asked.filter((url) => url.endsWith('/metadata')).sort()).toEqual(
    ['new', 'old'].map((uid) => `http://host/studies/${uid}/series/${uid}.lung/metadata`))
})

it('returns what the planes cut, from the middle outwards', async () => {
  const rest = await new SeriesLoader('http://host').prefetch(lungs(study('new'), study('old')), [])
  expect(rest.map(({ imageId }) => imageId.split('/').at(-3))).toEqual(['new.lung.3', 'new.lung.1'])
})

it('gives up what was fetched for a case that did not come, and keeps what is open', async () => {
  const loader = new SeriesLoader('http://host')
  const [first, second, third] = [study('first'), study('second'), study('third')]
  await loader.prefetch(lungs(first), [])
  await loader.prefetch(lungs(second), [first])
  expect(loader.counts().series).toBe(2)
  await loader.prefetch(lungs(third), [first])
  expect(loader.counts().series).toBe(2)
})

it('loads a series again of which more has come since it was fetched ahead', async () => {
  const loader = new SeriesLoader('/root')
  const [before, now] = [study('a'), study('a')]
  const [, early] = before.series
  const [, whole] = now.series
  if (!early || !whole) throw new Error('a study of two series')
  early.instances.pop()
  const ahead = loader.load(before, early)
  expect((await loader.load(now, whole)).imageIds).toHaveLength(3)
  expect((await ahead).imageIds).toHaveLength(2)
  expect(asked).toHaveLength(2)
  await loader.load(now, whole)
  expect(asked).toHaveLength(2)
  expect(loader.counts().series).toBe(1)
})
