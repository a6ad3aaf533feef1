/** What the locked test says of one model beside another. */
import type { Schemas } from '../../api/client'
import { named, t } from '../../i18n'

export function verdictText(evidence: Schemas['Evidence']): string {
  return (evidence.verdict === 'not_shown' && whyNotShown(evidence)) || named(`verdict.${evidence.verdict}`, evidence.verdict)
}

/** Empty where the patients suffice and the interval alone is too wide. */
function whyNotShown({ patients, least_patients: least, rests_on: rarest, least_of_rarest: leastOfRarest }: Schemas['Evidence']): string {
  if (patients < least) return t('verdict.few_patients', { count: patients, least })
  if (rarest !== null && rarest < leastOfRarest) {
    return t('verdict.few_of_rarest', { count: rarest, patients, least: leastOfRarest })
  }
  return ''
}
