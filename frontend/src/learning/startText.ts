/** What weights are called that a round began with; the server keeps their English name. */
import { t } from '../i18n'

export function startText(name: string): string {
  const [, number] = /^pre-trained network (\d+)$/.exec(name) ?? []
  return number === undefined ? name : t('start.encoder', { number })
}
