/** What a dataset's page asks for stands in its address, and is asked of the server in its words. */
import { afterEach, expect, it, test } from 'vitest'
import { addressOf, answerChoices, filterOf, PAGE_SIZE, queryOf } from '../src/datasets/itemFilter'
import { setLanguage } from '../src/i18n'
import type { Question } from '../src/labeling/definition'

const NOTHING = { split: null, answer: null, search: '', page: 1 }

afterEach(() => setLanguage('en'))

test.each(['', 'split=train', 'split=test&answer=nodule%3A%7Enone&search=P1&page=3'])('the address %s is kept', (address) => {
  expect(addressOf(filterOf(new URLSearchParams(address))).toString()).toBe(address)
})

test.each(['split=every', 'page=0', 'page=x', 'page=1.5', 'answer=', 'search=%20'])('the address %s asks for nothing', (address) => {
  expect(queryOf(filterOf(new URLSearchParams(address)))).toEqual({ page: 1, page_size: PAGE_SIZE })
})

it('asks the server for what is chosen, without spaces around a name', () => {
  expect(queryOf({ ...NOTHING, split: 'test', answer: 'nodule:yes', search: ' P1 ', page: 2 })).toEqual({
    split: 'test', answer: 'nodule:yes', search: 'P1', page: 2, page_size: PAGE_SIZE,
  })
})

const QUESTIONS: Question[] = [
  { key: 'nodule', label: 'Nodule?', kind: 'one', allows_cannot_assess: true, options: [{ key: 'yes', label: 'Yes' }] },
  { key: 'also', label: 'Also', kind: 'many', options: [{ key: 'pacemaker', label: 'Pacemaker' }] },
  { key: 'size', label: 'Size', kind: 'number' },
  { key: 'plane', label: 'Plane', kind: 'one', scope: 'series', options: [{ key: 'axial', label: 'Axial' }] },
]

it('offers every answer on the study that may have been frozen', () => {
  expect(answerChoices(QUESTIONS).map(({ value }) => value)).toEqual([
    'nodule:yes', 'nodule:~cannot_assess', 'nodule:~none',
    'also:pacemaker', 'also:~no_option', 'also:~none',
    'size:~none',
  ])
})

it('names an answer with its question in the language of the reader', () => {
  expect(answerChoices(QUESTIONS)[0]?.label).toBe('Nodule?: Yes')
  setLanguage('de')
  expect(answerChoices(QUESTIONS)[2]?.label).toBe('Nodule?: keine gemeinsame Antwort')
})
