/** The search form speaks DICOM. */
import { expect, test } from 'vitest'
import { filtersOf, NO_FIELDS, shownDate, shownName } from '../src/projects/studySearch'

test('empty fields ask for nothing', () => {
  expect(filtersOf(NO_FIELDS)).toEqual({})
  expect(filtersOf({ ...NO_FIELDS, name: '  ' })).toEqual({})
})

test('fields become attributes', () => {
  const fields = { ...NO_FIELDS, name: ' doe ', patientId: 'P1', accession: 'A1', modality: 'ct' }
  expect(filtersOf(fields)).toEqual({
    PatientName: 'doe',
    PatientID: 'P1',
    AccessionNumber: 'A1',
    ModalitiesInStudy: 'CT',
  })
})

test.each([
  ['2024-01-31', '2024-02-01', '20240131-20240201'],
  ['2024-01-31', '', '20240131-'],
  ['', '2024-02-01', '-20240201'],
])('a range from %s to %s', (from, to, range) => {
  expect(filtersOf({ ...NO_FIELDS, from, to })).toEqual({ StudyDate: range })
})

test('dates and names are shown as people write them', () => {
  expect(shownDate('20240131')).toBe('2024-01-31')
  expect(shownDate('2024')).toBe('2024')
  expect(shownName('Doe^Jane^^Dr')).toBe('Doe, Jane Dr')
  expect(shownName('Doe')).toBe('Doe')
  expect(shownName('')).toBe('')
})
