/** What a round says of its images without labels. */
import type { Schemas } from '../api/client'
import { wordsText } from '../api/saidText'
import { formatNumber, named, t } from '../i18n'
import { figureText } from './estimateText'

type Unlabeled = Schemas['Unlabeled']

/** Whether they helped, by how much, and what followed. */
export function unlabeledText(found: Unlabeled): string {
  const { decision, figure = '', difference, trouble } = found
  if (decision !== 'kept' && decision !== 'left_off') return t(`unlabeled.${decision}`)
  if (trouble !== undefined) return t('unlabeled.failed', { reason: wordsText(found.trouble_words) ?? trouble })
  if (difference?.value == null) return t('unlabeled.not_told')
  return t(`unlabeled.${decision}`, { figure: named(`figure.${figure}`, figure), difference: gainText(difference) })
}

/** Both figures and what they rest on; nothing where it was not tried. */
export function besideText({ with_images, without_images, ...found }: Unlabeled): string {
  if (with_images === undefined) return ''
  return t('unlabeled.beside', {
    with: figureText(with_images.value), without: figureText(without_images?.value),
    images: found.images ?? 0, patients: found.patients ?? 0, cases: found.n ?? 0, judges: found.validation_patients ?? 0,
    method: named(`knob.unlabeled.${found.method}`, found.method),
  })
}

/** "+0.004 (-0.012 to +0.020)", without the interval where there is none. */
function gainText({ value, low, high }: Schemas['Estimate']): string {
  const [gain, from, to] = [value, low, high].map(signed)
  return low === null || high === null ? `${gain}` : `${gain} (${from} – ${to})`
}

function signed(value: number | null): string {
  return value === null ? '' : `${value < 0 ? '−' : '+'}${formatNumber(Math.abs(value), 3)}`
}
