/** Why a model was promoted, or was not. */
import { expect, it } from 'vitest'
import type { Schemas } from '../src/api/client'
import { verdictText } from '../src/learning/model/verdictText'

const EVIDENCE: Schemas['Evidence'] = {
  verdict: 'not_shown', against: 1, metric: 'auc', difference: { value: 0, low: -0.1, high: 0.1 }, margin: 0.05,
  n: 90, patients: 60, least_patients: 30, rests_on: 20, least_of_rarest: 15,
}

it('tells few patients from an interval that is too wide', () => {
  expect(verdictText(EVIDENCE)).toBe('Too few test cases to show that it is not worse.')
  expect(verdictText({ ...EVIDENCE, patients: 8 })).toBe(
    'Both were tested on 8 patients; fewer than 30 cannot show that it is not worse.',
  )
  expect(verdictText({ ...EVIDENCE, rests_on: 2 })).toBe(
    'Of the 60 patients that both were tested on, 2 have the rarest answer, structure or event; fewer than 15 cannot show that it is not worse.',
  )
  expect(verdictText({ ...EVIDENCE, rests_on: null })).toBe('Too few test cases to show that it is not worse.')
  expect(verdictText({ ...EVIDENCE, verdict: 'untested', patients: 0 })).toBe('No patient was tested by both.')
})
