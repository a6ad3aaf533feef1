import { describe, expect, it } from 'vitest'
import type { Content } from '../src/labeling/content'
import type { Question } from '../src/labeling/definition'
import { subjectsIn, type Here } from '../src/labeling/placeInView'
import { likeSeries } from '../src/labeling/imageCommands'
import { nextSlab, thicker, thinner, throughAll } from '../src/labeling/slabs'
import { asksOf, findAsk, inHandOf, stepAsk } from '../src/labeling/walking'

const OPTIONS = [{ key: 'no', label: 'No' }, { key: 'yes', label: 'Yes' }]
const QUESTIONS: Question[] = [
  { key: 'margin', label: 'Margin', kind: 'one', scope: 'region', for_labels: ['nodule'], options: OPTIONS },
  { key: 'finding', label: 'Finding', kind: 'one', options: OPTIONS },
  { key: 'where', label: 'Where', kind: 'text', show_if: { question: 'finding', is: 'yes' } },
  { key: 'quality', label: 'Quality', kind: 'one', scope: 'series', options: OPTIONS },
  { key: 'blurred', label: 'Blurred', kind: 'one', scope: 'instance', options: OPTIONS },
]
const HERE: Here = {
  study: 'now', series: { series_instance_uid: '1' }, name: 'CT', frame: { place: { sop_instance_uid: '1.1', frame: 1 }, slice: 1 },
}

function region(id: string, label: string) {
  return { id, label, answers: {} } as unknown as NonNullable<Content['regions']>[number]
}

const content: Content = { answers: {}, regions: [region('a', 'nodule'), region('b', 'mass'), region('c', 'nodule')] }

function namesOf(asks: ReturnType<typeof asksOf>): string[] {
  return asks.map(({ question, subject }) => (subject.scope === 'region' ? `${question.key} ${subject.region.id}` : question.key))
}

describe('the walk through the questions', () => {
  const asks = asksOf(QUESTIONS, content, subjectsIn(HERE, 'now'))

  it('goes over every scope in the order of the panel, and over what is asked alone', () => {
    expect(namesOf(asks)).toEqual(['finding', 'quality', 'blurred', 'margin a', 'margin c'])
    const more = asksOf(QUESTIONS, { ...content, answers: { finding: 'yes' } }, [])
    expect(namesOf(more)).toEqual(['finding', 'where', 'margin a', 'margin c'])
  })

  it('asks nothing of an earlier study, nor of an image where none lies under the eye', () => {
    expect(subjectsIn(HERE, 'another')).toEqual([])
    expect(subjectsIn({ ...HERE, frame: null }, 'now').map(({ scope }) => scope)).toEqual(['series'])
  })

  it('goes round at both ends, and begins where it comes from or where an answer is missing', () => {
    const [first, second, , , last] = asks
    expect(stepAsk(asks, null, 1)).toBe(first)
    expect(stepAsk(asks, null, -1)).toBe(last)
    expect(stepAsk(asks, null, 1, second)).toBe(second)
    expect(stepAsk(asks, last ?? null, 1)).toBe(first)
    expect(stepAsk(asks, first ?? null, -1)).toBe(last)
    expect(stepAsk([], null, 1)).toBeNull()
  })

  it('keeps the question in hand while the reader goes to another region', () => {
    const ofC = asks[4]
    const inHand = ofC ? inHandOf(ofC, 'case') : null
    expect(findAsk(asks, inHand, 'c')).toBe(ofC)
    expect(findAsk(asks, inHand, 'a')).toBe(asks[3])
    expect(findAsk(asks, inHand, 'b')).toBeNull()
    expect(findAsk(asks, inHand, null)).toBeNull()
  })
})

describe('a thick slab', () => {
  it('goes through its kinds, keeps its thickness, and ends', () => {
    const first = nextSlab(null)
    expect(first).toEqual({ mm: 10, mode: 'mip' })
    expect(nextSlab({ mm: 25, mode: 'mip' })).toEqual({ mm: 25, mode: 'minip' })
    expect(nextSlab({ mm: null, mode: 'average' })).toBeNull()
  })

  it('always changes by a step, within its limits', () => {
    expect(thicker({ mm: 1, mode: 'mip' }).mm).toBe(2)
    expect(thinner({ mm: 2, mode: 'mip' }).mm).toBe(1)
    expect(thinner({ mm: 1, mode: 'mip' }).mm).toBe(1)
    expect(thicker({ mm: 190, mode: 'mip' }).mm).toBe(200)
    expect(throughAll({ mm: 10, mode: 'mip' }).mm).toBeNull()
    expect(thinner({ mm: null, mode: 'mip' }).mm).toBe(200)
  })
})

describe('the series of an earlier study', () => {
  const of = (modality: string, series_description: string) => ({ modality, series_description, series_instance_uid: `${modality} ${series_description}`, instances: [] }) as unknown as Parameters<typeof likeSeries>[1]
  const prior = { study_instance_uid: 'p', series: [of('SR', 'report'), of('CT', 'scout'), of('CT', 'lung')] } as unknown as Parameters<typeof likeSeries>[0]

  it('is the one of the same name and modality, else of the modality, else the first', () => {
    expect(likeSeries(prior, of('CT', 'lung'))).toBe(prior.series[2])
    expect(likeSeries(prior, of('CT', 'liver'))).toBe(prior.series[1])
    expect(likeSeries(prior, of('MR', 'T1'))).toBe(prior.series[0])
  })
})
