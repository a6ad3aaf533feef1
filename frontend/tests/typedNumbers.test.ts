import { beforeEach, expect, it, vi } from 'vitest'
import type { Reading } from '../src/api/client'
import type { Question } from '../src/labeling/definition'
import { STUDY, type Subject } from '../src/labeling/questions'
import { TypedNumbers, typedNumbers } from '../src/labeling/typedNumbers'
import { FakeServer, openSession } from './fakes'

const size: Question = { key: 'size', label: 'Size', kind: 'number', required: false, maximum: 300 }
const ofImage: Question = { ...size, key: 'dose', scope: 'instance' }
const image: Subject = { scope: 'instance', place: { sop_instance_uid: '1', frame: 2 } }
const tooLarge = { text: '1200', problem: 'too_large', stored: 120 } as const

class WithSize extends FakeServer {
  override reading(id: string): Reading {
    const reading = super.reading(id)
    const definition = reading.annotation.schema.definition as { questions: unknown[] }
    definition.questions.push(size)
    return reading
  }
}

let typed: TypedNumbers
beforeEach(() => {
  typed = new TypedNumbers()
})

it('finds what does not fit, also where nothing is saved yet', () => {
  typed.write(image, 'dose', { ...tooLarge, stored: null })
  expect(typed.first([size, ofImage], { answers: {} })).toEqual({ question: ofImage, subject: image })
  typed.write(image, 'dose', null)
  expect(typed.first([size, ofImage], { answers: {} })).toBeNull()
})

it('has nothing against an answer that took its place, or a question that is not asked', () => {
  typed.write(STUDY, 'size', tooLarge)
  expect(typed.first([size], { answers: { size: 120 } })?.question).toBe(size)
  expect(typed.first([size], { answers: { size: 80 } })).toBeNull()
  expect(typed.first([ofImage], { answers: { size: 120 } })).toBeNull()
})

it('stops a submission until it is mended, and the last answer that fitted is kept', async () => {
  vi.useFakeTimers()
  const server = new WithSize(['a', 'b'])
  const session = await openSession(server)
  session.choose('nodule', 'yes')
  session.answer('size', 120)
  typedNumbers.write(STUDY, 'size', tooLarge)
  await session.submit()
  expect(server.submitted).toEqual([])
  expect(session.snapshot).toMatchObject({ phase: 'reading', missing: 'size', missingAt: STUDY, content: { answers: { size: 120 } } })
  typedNumbers.write(STUDY, 'size', null)
  await session.submit()
  expect(server.submitted).toEqual(['a'])
  expect(typedNumbers.at(STUDY, 'size')).toBeNull()
})
