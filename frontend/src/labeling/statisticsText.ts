/** What a region measures, in words; millimetres always say where they come from. */
import { formatNumber, t } from '../i18n'
import type { Statistics } from '../viewer/regions/statistics'
import type { SpacingSource } from '../viewer/types'

/** How a unit that is none is spelled where images name it. */
const UNITLESS = '(UNITLESS)'

interface Quantity {
  value: number
  unit: string
}

/** One text per line of the list. */
export function statisticsLines(measured: Statistics, spacing: SpacingSource): string[] {
  const { intensities, area, length, width, angle_degrees } = measured
  const lines: string[] = []
  if (length && width) {
    const text = t('statistics.diameters', { length: formatNumber(length.value, 1), width: formatNumber(width.value, 1), unit: length.unit })
    lines.push(withSource(text, length.unit, spacing))
  } else if (length) {
    lines.push(withSource(quantity('statistics.line', length), length.unit, spacing))
  }
  if (area) lines.push(withSource(quantity('statistics.area', area), area.unit, spacing))
  if (angle_degrees !== null) lines.push(t('statistics.angle', { value: formatNumber(angle_degrees, 1) }))
  if (intensities) lines.push(valuesText(intensities))
  return lines
}

function quantity(key: 'statistics.line' | 'statistics.area', { value, unit }: Quantity): string {
  return t(key, { value: formatNumber(value, 1), unit })
}

function withSource(text: string, unit: string, spacing: SpacingSource): string {
  return unit.startsWith('mm') ? t('statistics.by', { text, source: t(`spacing.${spacing}`) }) : text
}

function valuesText({ count, mean, sd, minimum, maximum, unit }: NonNullable<Statistics['intensities']>): string {
  // Parameter maps live below 1: three digits say as much there as none do for Hounsfield units.
  const decimals = (count === 1 ? Math.abs(mean) : maximum - minimum) < 10 ? 3 : 1
  const text = (value: number) => formatNumber(value, decimals)
  const withUnit = unit === '' || unit.endsWith(UNITLESS) ? text(mean) : t('answer.with_unit', { number: text(mean), unit })
  // A point has one value, and no spread.
  if (count === 1) return t('statistics.value', { value: withUnit })
  return t('statistics.values', { mean: withUnit, sd: text(sd), minimum: text(minimum), maximum: text(maximum) })
}
