/** What a target is called on the screens, from the schema's labels. */
import type { Schemas } from '../api/client'
import { t } from '../i18n'

/** `labels`: of a question; of a time to an event also the event and its answer; of what is drawn. */
export function targetName({ kind, labels }: { kind: Schemas['Target']['kind']; labels: readonly string[] }): string {
  const [first = '', event = '', answer = ''] = labels
  if (kind === 'segmentation') return t('target.masks', { names: labels.join(', ') })
  if (kind === 'boxes') return t('target.boxes', { names: labels.join(', ') })
  if (kind === 'time_to_event') return t('target.time', { time: first, event, answer })
  return t('target.answer', { name: first })
}
