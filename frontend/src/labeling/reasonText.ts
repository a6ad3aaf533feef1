/** Why a case comes now, in the reader's language: the server says it in words of no language, and in English. */
import type { Reading } from '../api/client'
import { formatNumber, named } from '../i18n'

const USUAL_DECIMALS = 2
const WITH_DECIMALS = new Set(['p', 'first_p', 'second_p', 'distance', 'spread', 'low', 'high'])

export function reasonText({ priority_reason: english, priority_words: words }: Pick<Reading, 'priority_reason' | 'priority_words'>): string {
  if (typeof words !== 'object' || words === null || !('code' in words)) return english
  const { code, ...values } = words as Record<string, unknown>
  const decimals = typeof values['decimals'] === 'number' ? values['decimals'] : USUAL_DECIMALS
  const shown = Object.entries(values).map(([name, value]) => [name, shownAs(name, value, decimals)])
  return named(`why.${String(code)}`, english, Object.fromEntries(shown) as Record<string, string>).trimEnd()
}

function shownAs(name: string, value: unknown, decimals: number): string {
  return typeof value === 'number' ? formatNumber(value, WITH_DECIMALS.has(name) ? decimals : 0) : String(value)
}
