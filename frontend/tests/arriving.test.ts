import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Reading } from '../src/api/client'
import { arrive, claimOrTake } from '../src/labeling/arriving'
import { fetchMetadata, isAskedFor } from '../src/viewer/dicomweb'
import { FakeServer } from './fakes'

const SERIES = 'http://host/dicomweb/projects/p/studies/1.2/series/1.2.3'
const known = new FakeServer([]).reading('a')
const series = {
  series_instance_uid: '1.2.3', modality: 'CT', series_description: '', body_part_examined: '', laterality: '',
  orientation: 'axial', not_a_volume: null, is_prepared: false,
  instances: ['1', '2', '3'].map((sop_instance_uid) => ({ sop_instance_uid, number_of_frames: 1 })),
}
const reading: Reading = { ...known, priors: [], study: { ...known.study, study_instance_uid: '1.2', series: [series] } as Reading['study'] }
const asked: string[] = []
const claims: string[] = []

/** The server at the far end, where somebody's case waits in every project. */
function claim(projectId: string): Promise<Reading> {
  claims.push(projectId)
  return Promise.resolve(reading)
}

beforeEach(() => {
  asked.length = 0
  claims.length = 0
  vi.stubGlobal('window', { location: { origin: 'http://host' } })
  vi.stubGlobal('fetch', (url: string) => {
    asked.push(url)
    return Promise.resolve(new Response(url.endsWith('/metadata') ? '[{"00080018": {"vr": "UI", "Value": ["1"]}}]' : 'x'))
  })
})
afterEach(async () => {
  await fetchMetadata(SERIES).catch(() => undefined) // whatever nobody has taken
  vi.unstubAllGlobals()
})

it('claims once, and asks for the images before anything can show them', async () => {
  arrive('p', claim)
  await vi.waitFor(() => expect(asked).toEqual([`${SERIES}/metadata`, `${SERIES}/instances/2/frames/1`]))
  expect(await claimOrTake('p', claim)).toBe(reading)
  expect(claims).toEqual(['p'])
  expect(isAskedFor(SERIES)).toBe(true)
  expect([...(await fetchMetadata(SERIES)).keys()]).toEqual(['1'])
  expect(asked).toHaveLength(2)
  expect(isAskedFor(SERIES)).toBe(false)
  await claimOrTake('p', claim)
  expect(claims).toEqual(['p', 'p'])
})

it('asks once for a series that hangs in several panes', async () => {
  const hanging = [{ name: 'twice', layout: '1x2', panes: [{ as: 'stack' }, { as: 'stack' }] }]
  const twice = {
    ...reading,
    annotation: { ...reading.annotation, schema: { ...reading.annotation.schema, definition: { questions: [], hanging } } },
  } as unknown as Reading
  arrive('p', () => Promise.resolve(twice))
  await vi.waitFor(() => expect(asked).toEqual([`${SERIES}/metadata`, `${SERIES}/instances/2/frames/1`]))
})

it('leaves it to the room to say what is wrong', async () => {
  arrive('p', () => Promise.reject(new Error('403')))
  await expect(claimOrTake('p', claim)).rejects.toThrow('403')
  expect(claims).toEqual([])
})

it('claims anew for another room', async () => {
  arrive('p', claim)
  await claimOrTake('other', claim)
  await claimOrTake('p', claim)
  expect(claims).toEqual(['p', 'other', 'p'])
})

it('asks again for metadata that did not arrive', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('offline')))
  arrive('p', claim)
  await claimOrTake('p', claim)
  await vi.waitFor(() => expect(isAskedFor(SERIES)).toBe(false))
  await expect(fetchMetadata(SERIES)).rejects.toThrow('offline')
})
