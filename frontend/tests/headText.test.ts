/** What the figures of a light head say, of shares and of numbers with a unit. */
import { afterEach, describe, expect, it } from 'vitest'
import { setLanguage } from '../src/i18n'
import { auditText, testText, weightedText } from '../src/learning/headText'

const RATE = { value: 0.125, low: 0.05, high: 0.2, draws: 40 }
const ERROR = { value: 3.214, low: 2.5, high: 12.34, draws: 40 }

afterEach(() => setLanguage('en'))

describe('the figures of a light head', () => {
  it('are rates in percent where there is no unit', () => {
    expect(auditText(RATE, 'one', null)).toBe('Error on the cases still unlabeled, by those drawn at random: 12.5 % (5.0 to 20.0 %, 40 cases)')
    expect(auditText(RATE, 'many', null)).toContain('Mean of misses and false alarms')
    expect(weightedText(RATE, null)).toContain(': 12.5 % (5.0 to 20.0 %, 40 cases)')
  })

  it('are errors in their unit where the answer is a number', () => {
    expect(auditText(ERROR, 'number', 'mm')).toBe('Mean absolute error on the cases still unlabeled, by those drawn at random: 3.21 (2.50 to 12.34 mm, 40 cases)')
    expect(weightedText(ERROR, 'mm')).toContain(': 3.21 (2.50 to 12.34 mm, 40 cases)')
    expect(auditText(ERROR, 'number', '')).toContain('2.50 to 12.34, 40 cases')
  })

  it('keep three digits of large and of small errors', () => {
    const small = { value: 0.001234, low: 0, high: 0.0024, draws: 2 }
    const large = { value: 1234.5, low: 0, high: 2469.4, draws: 2 }
    expect(auditText(small, 'number', '')).toContain('0.00123 (0.00000 to 0.00240, 2 cases)')
    expect(auditText(large, 'number', '')).toContain('1235 (0 to 2469, 2 cases)')
    expect(auditText({ value: 0, low: 0, high: 0, draws: 2 }, 'number', 'mm')).toContain('0.00 (0.00 to 0.00 mm, 2 cases)')
  })

  it('tell of the test cases what the kind has, and say when there are none', () => {
    const number = { n: 12, mean_absolute_error: 3.214, coverage: 11 / 12 }
    expect(testText({ metrics: number, unit: 'mm' })).toBe(
      'mean absolute error 3.21 mm on 12 test cases (92 % within their 95 % ranges)',
    )
    expect(testText({ metrics: { n: 12, auc: 0.9 }, unit: '' })).toBe('AUC 0.900 on 12 test cases')
    expect(testText({ metrics: { n: 0 }, unit: '' })).toBe('no test reads yet')
    setLanguage('de')
    expect(testText({ metrics: number, unit: 'mm' })).toContain('Fehler 3,21 mm an 12 Testfällen')
  })
})
