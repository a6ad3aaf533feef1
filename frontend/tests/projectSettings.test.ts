import { expect, it } from 'vitest'
import { ApiError, type Project } from '../src/api/client'
import { refusalOf } from '../src/api/refusedFields'
import { changesOf, draftOf } from '../src/projects/projectSettings'
import { firstQuestion } from '../src/projects/schemaDraft'

const project: Project = {
  id: 'p', name: 'Chest', role: 'manager', readers_per_case: 2, requires_review: false, lease_seconds: 905, control_share: 0.07,
}
const refusal = { status: 400, code: 'invalid', detail: 'The input is not valid.' }

it('sends what was changed alone, in the units of the server', () => {
  const draft = draftOf(project)
  expect(draft).toEqual({ readers_per_case: 2, requires_review: false, lease_minutes: 15.1, audits_percent: 7 })
  expect(changesOf(project, draft)).toEqual({})
  expect(changesOf(project, { ...draft, lease_minutes: 2.5, audits_percent: 12 })).toEqual({ lease_seconds: 150, control_share: 0.12 })
  expect(changesOf(project, { ...draft, readers_per_case: 3, requires_review: true })).toEqual({ readers_per_case: 3, requires_review: true })
})

it('says a refusal at its field, and of the form where it is about none', () => {
  const one = new ApiError({ ...refusal, detail: 'There is no user of this name.', words: { code: 'no_user' }, field: 'username' })
  expect(refusalOf(one, ['username', 'role'])).toEqual({ fields: { username: 'There is no user of this name.' }, rest: null })
  expect(refusalOf(one, ['role'])).toEqual({ fields: {}, rest: one })
  const several = new ApiError({ ...refusal, fields: { name: 'is empty', other: 'is odd' } })
  expect(refusalOf(several, ['name'])).toEqual({ fields: { name: 'is empty' }, rest: null })
  expect(refusalOf(null, ['name'])).toEqual({ fields: {}, rest: null })
})

it('makes a first question of its words, with a key for each answer', () => {
  expect(firstQuestion('Gesamteindruck', ['Normal', 'Auffällig', 'normal'])).toEqual({
    key: 'gesamteindruck', label: 'Gesamteindruck', kind: 'one', scope: 'study', required: true,
    options: [{ key: 'normal', label: 'Normal' }, { key: 'auffallig', label: 'Auffällig' }, { key: 'normal_2', label: 'normal' }],
  })
})
