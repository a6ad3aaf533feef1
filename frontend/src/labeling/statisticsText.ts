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
  const lengths = lengthsOf(measured).map(({ text, unit }) => withSource(text, unit, spacing))
  return [...lengths, ...othersOf(measured).map((parts) => parts.join(', '))]
}

/** The same beside the region in the image, in short lines: long ones cover it in a small pane, and what lies under
 * a text cannot be taken at its handle. As in the corner, the patient's own millimetres need no word. */
export function linesInImage(measured: Statistics, spacing: SpacingSource): string[] {
  const lengths = lengthsOf(measured)
  const needsSource = spacing !== 'patient' && lengths.some(({ unit }) => isInMillimetres(unit))
  const source = needsSource ? spacingParts(spacing) : []
  return [...lengths.map(({ text }) => text), ...source, ...othersOf(measured).flat()]
}

/** Where millimetres come from. */
export function spacingText(spacing: SpacingSource): string {
  return spacingParts(spacing).join(', ')
}

function spacingParts(spacing: SpacingSource): string[] {
  const first = t(`spacing.${spacing}`)
  return spacing === 'detector' ? [first, t('spacing.not_in_patient')] : [first]
}

function lengthsOf({ area, length, width }: Statistics): { text: string; unit: string }[] {
  const found: { text: string; unit: string }[] = []
  if (length && width) {
    const { unit } = length
    found.push({ unit, text: t('statistics.diameters', { length: formatNumber(length.value, 1), width: formatNumber(width.value, 1), unit }) })
  } else if (length) {
    found.push({ unit: length.unit, text: quantity('statistics.line', length) })
  }
  if (area) found.push({ unit: area.unit, text: quantity('statistics.area', area) })
  return found
}

/** Each in the parts of which its line consists. */
function othersOf({ intensities, angle_degrees }: Statistics): string[][] {
  const lines: string[][] = []
  if (angle_degrees !== null) lines.push([t('statistics.angle', { value: formatNumber(angle_degrees, 1) })])
  if (intensities) lines.push(valueParts(intensities))
  return lines
}

function quantity(key: 'statistics.line' | 'statistics.area', { value, unit }: Quantity): string {
  return t(key, { value: formatNumber(value, 1), unit })
}

function withSource(text: string, unit: string, spacing: SpacingSource): string {
  return isInMillimetres(unit) ? t('statistics.by', { text, source: spacingText(spacing) }) : text
}

function isInMillimetres(unit: string): boolean {
  return unit.startsWith('mm')
}

function valueParts({ count, mean, sd, minimum, maximum, unit }: NonNullable<Statistics['intensities']>): string[] {
  // Parameter maps live below 1: three digits say as much there as none do for Hounsfield units.
  const decimals = unit !== 'HU' && Math.max(Math.abs(minimum), Math.abs(maximum)) < 10 ? 3 : 1
  const text = (value: number) => formatNumber(value, decimals)
  const withUnit = unit === '' || unit.endsWith(UNITLESS) ? text(mean) : t('answer.with_unit', { number: text(mean), unit })
  // A point has one value, and no spread.
  if (count === 1) return [t('statistics.value', { value: withUnit })]
  return [
    t('statistics.mean', { mean: withUnit }), t('statistics.sd', { sd: text(sd) }),
    t('statistics.range', { minimum: text(minimum), maximum: text(maximum) }),
  ]
}
