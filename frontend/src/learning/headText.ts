/** What the figures of a light head say: shares in percent, errors of numbers in their unit. */
import type { Schemas } from '../api/client'
import { formatNumber, t } from '../i18n'

const DIGITS = 3
const MOST_DECIMALS = 20

/** How well it answers the test cases. */
export function testText({ metrics, unit }: Pick<Schemas['HeadVersion'], 'metrics' | 'unit'>): string {
  const { n: count, auc, mean_absolute_error: error, coverage } = metrics
  if (auc !== undefined) return t('quick.auc', { auc: formatNumber(auc, 3), count })
  if (error === undefined || coverage === undefined) return t('learning.no_test_reads')
  return t('quick.error_of_number', {
    error: withUnit(formatNumber(error, decimalsOf(error)), unit), covered: formatNumber(100 * coverage), count,
  })
}

/** The error on cases drawn at random; a rate has no unit. */
export function auditText(error: Schemas['ErrorRate'], kind: Schemas['Target']['kind'], unit: string | null): string {
  if (unit !== null) return t('quick.audit_of_number', inUnit(error, unit))
  return t(kind === 'many' ? 'quick.audit_of_labels' : 'quick.audit', inPercent(error))
}

/** The same from the cases that were ranked. */
export function weightedText(error: Schemas['ErrorRate'], unit: string | null): string {
  return unit === null
    ? t('quick.weighted', inPercent(error))
    : t('quick.weighted_of_number', inUnit(error, unit))
}

/** Of which heads these figures are. */
export function windowText({ first, last, labels_first, labels_last }: Schemas['Window']): string {
  return t('quick.window', { first, last, from: labels_first, to: labels_last })
}

/** An error in its unit, with three digits. */
export function numberInUnit(error: number): string {
  return formatNumber(error, decimalsOf(error))
}

function inPercent({ value, low, high, draws }: Schemas['ErrorRate']) {
  const percent = (share: number) => formatNumber(100 * share, 1)
  return { value: percent(value), low: percent(low), high: percent(high), count: draws }
}

function inUnit({ value, low, high, draws }: Schemas['ErrorRate'], unit: string) {
  const shown = (end: number) => formatNumber(end, decimalsOf(value))
  return { value: shown(value), low: shown(low), high: withUnit(shown(high), unit), count: draws }
}

/** So that three digits are told of an error of any size, from micrometres to millilitres. */
function decimalsOf(error: number): number {
  const before = error === 0 ? 1 : Math.floor(Math.log10(error)) + 1 // digits before the point
  return Math.min(Math.max(DIGITS - before, 0), MOST_DECIMALS)
}

function withUnit(number: string, unit: string): string {
  return unit === '' ? number : t('answer.with_unit', { number, unit })
}
