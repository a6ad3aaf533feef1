import { expect, it } from 'vitest'
import { mayConfirm, standingOf, type AskedReason } from '../src/labeling/reasons'
import type { Snapshot } from '../src/labeling/sessionState'

const flag: AskedReason = { what: 'flag', caseId: 'first' }
const skip: AskedReason = { what: 'skip', caseId: 'first' }
const showing = (case_id: string | null, phase: Snapshot['phase'] = 'reading') =>
  ({ phase, reading: case_id === null ? null : { case_id } }) as Pick<Snapshot, 'reading' | 'phase'>

it('asks for a reason of one case, whatever is opened meanwhile', () => {
  expect(standingOf(flag, showing('first'))).toBe('open')
  expect(standingOf(flag, showing('first', 'submitting'))).toBe('going')
  expect(standingOf(flag, showing('second'))).toBe('gone')
  expect(standingOf(flag, showing(null, 'finished'))).toBe('gone')
})

it('marks a case that has gone, and skips only the one that is open', () => {
  expect(mayConfirm(flag, 'gone')).toBe(true)
  expect(mayConfirm(skip, 'open')).toBe(true)
  expect(mayConfirm(skip, 'going')).toBe(false)
  expect(mayConfirm(skip, 'gone')).toBe(false)
})
