/** How a figure and its interval are written. */
import type { Schemas } from '../api/client'
import { formatNumber } from '../i18n'

export const NOTHING = '–'

export function figureText(value: number | null | undefined): string {
  return value == null ? NOTHING : formatNumber(value, 3)
}

/** The value and, where one could be taken, its 95 % interval. */
export function estimateText(estimate: Schemas['Estimate'] | undefined, absent = NOTHING): string {
  if (estimate?.value == null) return absent
  if (estimate.low == null || estimate.high == null) return figureText(estimate.value)
  return `${figureText(estimate.value)} (${figureText(estimate.low)} – ${figureText(estimate.high)})`
}
