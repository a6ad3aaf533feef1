/** PURE. Which fields of a form the server refuses, and why; what is about none of them is the form's. */
import { ApiError } from './client'

export interface Refusal<Field extends string> {
  /** Said at the field. */
  fields: Partial<Record<Field, string>>
  /** Said of the whole form: null where the fields say it all. */
  rest: Error | null
}

export function refusalOf<Field extends string>(error: Error | null, names: readonly Field[]): Refusal<Field> {
  if (!(error instanceof ApiError)) return { fields: {}, rest: error }
  const { field, fields = {} } = error.problem
  const told = { ...fields, ...(field !== undefined && { [field]: error.message }) }
  const known = names.filter((name) => name in told)
  const said = Object.fromEntries(known.map((name) => [name, String(told[name])]))
  return { fields: said as Partial<Record<Field, string>>, rest: known.length > 0 ? null : error }
}
