/** Why a case comes now, in the reader's language: the server says it in words of no language, and in English. */
import type { Reading } from '../api/client'
import { formatNumber, named } from '../i18n'
import type { Definition } from './definition'

const USUAL_DECIMALS = 2
const WITH_DECIMALS = new Set(['p', 'first_p', 'second_p', 'distance', 'spread', 'low', 'high'])
const NAMES = new Set(['first', 'second', 'label'])

/** Answers and what is drawn are called as the schema does. */
export function reasonText(
  { priority_reason: english, priority_words: words }: Pick<Reading, 'priority_reason' | 'priority_words'>, definition: Definition = {},
): string {
  if (typeof words !== 'object' || words === null || !('code' in words)) return english
  const { code, ...values } = words as Record<string, unknown>
  const decimals = typeof values['decimals'] === 'number' ? values['decimals'] : USUAL_DECIMALS
  const labelOf = (key: string) => labelIn(definition, key, values['question'])
  const shown = Object.entries(values).map(([name, value]) => [
    name, NAMES.has(name) ? labelOf(String(value)) : shownAs(name, value, decimals),
  ])
  return named(`why.${String(code)}`, english, Object.fromEntries(shown) as Record<string, string>).trimEnd()
}

/** The label of an option of the question, or of what is drawn; the key itself where the schema has changed. */
function labelIn({ questions = [], region_labels: regions = [] }: Definition, key: string, question: unknown): string {
  const options = questions.find((one) => one.key === question)?.options ?? []
  return [...options, ...regions].find((one) => one.key === key)?.label ?? key
}

function shownAs(name: string, value: unknown, decimals: number): string {
  return typeof value === 'number' ? formatNumber(value, WITH_DECIMALS.has(name) ? decimals : 0) : String(value)
}
