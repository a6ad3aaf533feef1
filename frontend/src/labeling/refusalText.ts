/** Why nothing was painted or drawn, in the reader's language. */
import { t, type TextKey } from '../i18n'
import type { MaskRefusal } from '../viewer/masks/MaskEditor'

const REFUSALS = {
  no_slice: 'refusal.no_slice',
  prior_study: 'refusal.prior_study',
  askew: 'refusal.askew',
  no_place: 'refusal.no_place',
  turned: 'refusal.turned',
  same_place: 'refusal.same_place',
  changed_meanwhile: 'refusal.changed_meanwhile',
  nothing_to_do: 'refusal.nothing_to_do',
  too_large: 'refusal.too_large',
  loading: 'refusal.loading',
  images_loading: 'refusal.images_loading',
  sizes: 'refusal.sizes',
} satisfies Record<Exclude<Extract<MaskRefusal, string>, 'hidden'>, TextKey>

/** @param eyeKey the reader's key that shows the segment in hand; empty where there is none. */
export function maskRefusalText(refusal: MaskRefusal, eyeKey: string): string {
  if (refusal === 'hidden') return t('refusal.hidden', { control: withKey(t('refusal.eye'), eyeKey) })
  if (typeof refusal === 'string') return t(REFUSALS[refusal])
  return t('refusal.not_a_volume', { reason: t(`volume.why_${refusal.reason}`) })
}

/** @param key the reader's, which changes the slab; empty where there is none. */
export function slabRefusalText(key: string): string {
  return t('refusal.slab', { control: withKey(t('toolbar.slab'), key) })
}

function withKey(title: string, key: string): string {
  return key ? t('toolbar.hint', { title, key }) : title
}
