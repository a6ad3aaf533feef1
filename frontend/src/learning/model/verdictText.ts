/** What the locked test says of one model beside another. */
import type { Schemas } from '../../api/client'
import { named, t } from '../../i18n'

export function verdictText({ verdict, patients, least_patients: least }: Schemas['Evidence']): string {
  if (verdict === 'not_shown' && patients < least) return t('verdict.few_patients', { count: patients, least })
  return named(`verdict.${verdict}`, verdict)
}
