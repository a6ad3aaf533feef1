/** What a region measures, as lines of text. */
import { formatNumber, t } from '../i18n'
import type { SpacingSource } from '../viewer/types'
import type { Statistics } from '../viewer/regions/statistics'

/** Lengths say where their millimetres come from, unless they are the patient's own. */
export function factsOf(found: Statistics, spacing: SpacingSource): string[] {
  const { intensities, area, length, width, angle_degrees } = found
  const lines: string[] = []
  if (length) lines.push(sized([length, width], spacing))
  if (angle_degrees !== null) lines.push(t('facts.angle', { degrees: formatNumber(angle_degrees, 1) }))
  if (area) lines.push(t('facts.area', { value: formatNumber(area.value, 1), unit: area.unit }))
  if (intensities) {
    const { mean, sd, minimum, maximum, count, unit } = intensities
    const [middle, spread, low, high] = [mean, sd, minimum, maximum].map((value) => formatNumber(value, 1))
    lines.push(t('facts.values', { mean: middle ?? '', sd: spread ?? '', unit, count }))
    lines.push(t('facts.range', { low: low ?? '', high: high ?? '' }))
  }
  return lines
}

function sized(lengths: readonly ({ value: number; unit: string } | null)[], spacing: SpacingSource): string {
  const shown = lengths.flatMap((one) => (one ? [`${formatNumber(one.value, 1)} ${one.unit}`] : [])).join(' × ')
  const isPlain = spacing === 'patient' || spacing === 'none'
  return isPlain ? shown : t('facts.length_of', { length: shown, source: t(`spacing.${spacing}`) })
}
