/** Which weights a round began with, and which trackers were told of it. */
import { Text } from '@mantine/core'
import type { Round } from '../api/client'
import { errorText } from '../api/saidText'
import { t } from '../i18n'
import { startText } from './startText'

export function RoundRecord({ round }: { round: Round }) {
  const { name, loaded, fresh, fresh_count } = round.started_from
  const parts = Object.entries(round.tracked).map(([tracker, { ok, detail, words }]) =>
    ok ? t('start.told', { name: tracker }) : t('start.not_told', { name: tracker, reason: errorText({ error: detail, error_words: words }) }),
  )
  if (name !== undefined) {
    parts.unshift(t('start.began', { name: startText(name), loaded: loaded ?? 0, fresh: fresh_count ?? 0 }))
  }
  if (parts.length === 0) return null
  return (
    <Text size="sm" c="dimmed" mt={4} data-testid="round-record" title={fresh?.length ? t('start.fresh_names', { names: fresh.join(', ') }) : undefined}>
      {parts.join('; ')}
    </Text>
  )
}
