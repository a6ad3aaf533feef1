/** Why a case was left out, in the reader's language: the server says it in words of no language, and in English. */
import type { Schemas } from '../api/client'
import { named } from '../i18n'

export function exclusionText({ reason, words }: Pick<Schemas['ExclusionReason'], 'reason' | 'words'>): string {
  if (typeof words !== 'object' || words === null || !('code' in words)) return reason
  const { code, ...values } = words as Record<string, string>
  return named(`left_out.${code}`, reason, values)
}
