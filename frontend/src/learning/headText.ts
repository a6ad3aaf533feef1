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
    error: withUnit(significant(error), unit), covered: formatNumber(100 * coverage), count,
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

function inPercent({ value, low, high, draws }: Schemas['ErrorRate']) {
  const percent = (share: number) => formatNumber(100 * share, 1)
  return { value: percent(value), low: percent(low), high: percent(high), count: draws }
}

function inUnit({ value, low, high, draws }: Schemas['ErrorRate'], unit: string) {
  return {
    value: significant(value), low: significant(low), high: withUnit(significant(high), unit), count: draws,
  }
}

/** Of any size, from micrometres to millilitres, with three digits. */
function significant(value: number): string {
  const before = value === 0 ? 1 : Math.floor(Math.log10(Math.abs(value))) + 1 // digits before the point
  return formatNumber(value, Math.min(Math.max(DIGITS - before, 0), MOST_DECIMALS))
}

function withUnit(number: string, unit: string): string {
  return unit === '' ? number : t('answer.with_unit', { number, unit })
}
