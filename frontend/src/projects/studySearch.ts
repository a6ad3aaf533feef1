/** The search form's fields as DICOM attributes. */

export interface SearchFields {
  name: string
  patientId: string
  accession: string
  modality: string
  from: string // as a date input gives it, 2024-01-31
  to: string
}

export const NO_FIELDS: SearchFields = {
  name: '',
  patientId: '',
  accession: '',
  modality: '',
  from: '',
  to: '',
}

/** Query parameters of the studies to look for; empty fields ask for nothing. */
export function filtersOf(fields: SearchFields): Record<string, string> {
  const filters = {
    PatientName: fields.name.trim(),
    PatientID: fields.patientId.trim(),
    AccessionNumber: fields.accession.trim(),
    ModalitiesInStudy: fields.modality.trim().toUpperCase(),
    StudyDate: dateRange(fields.from, fields.to),
  }
  return Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== ''))
}

/** A range of dates in DICOM's form (PS3.4 C.2.2.2.5.1), open where a side is empty. */
function dateRange(from: string, to: string): string {
  if (from === '' && to === '') return ''
  return `${from.replaceAll('-', '')}-${to.replaceAll('-', '')}`
}

/** 20240131 as 2024-01-31; anything else as it is. */
export function shownDate(date: string): string {
  const match = /^(\d{4})(\d{2})(\d{2})$/.exec(date)
  return match ? match.slice(1).join('-') : date
}

/** Doe^Jane as Doe, Jane. */
export function shownName(name: string): string {
  const [family = '', ...given] = name.split('^').map((part) => part.trim())
  const rest = given.filter((part) => part !== '').join(' ')
  return rest === '' ? family : `${family}, ${rest}`
}
