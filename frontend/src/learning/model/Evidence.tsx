/** What promoting it rested on, and how it compares with the model in production now. */
import { Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { api, good, type Schemas } from '../../api/client'
import { named, t } from '../../i18n'
import { estimateText, figureText } from '../estimateText'
import { Asked } from './Asked'
import { Part } from './Part'
import { verdictText } from './verdictText'

interface Props {
  id: string
  stored: Schemas['Evidence'] | null
  isInProduction: boolean
}

export function Evidence({ id, stored, isInProduction }: Props) {
  const now = useQuery({
    queryKey: ['model', id, 'comparison'],
    enabled: !isInProduction,
    queryFn: () =>
      good(api.GET('/api/v1/model-versions/{model_version_id}/comparison', { params: { path: { model_version_id: id } } })),
  })
  return (
    <Part title={t('model_page.evidence')} help={t('model_page.evidence_help')}>
      <Stack gap="sm" data-testid="evidence">
        {stored ? <Compared title={t('model_page.when_trained')} evidence={stored} /> : <Text size="sm">{t('model_page.no_evidence')}</Text>}
        {!isInProduction && (
          <Asked query={now}>{(evidence) => <Compared title={t('model_page.now')} evidence={evidence} />}</Asked>
        )}
      </Stack>
    </Part>
  )
}

function Compared({ title, evidence }: { title: string; evidence: Schemas['Evidence'] }) {
  const { against, metric, difference, margin, n, patients } = evidence
  return (
    <div>
      <Text size="sm" fw={600}>{title}</Text>
      <Text size="sm">{verdictText(evidence)}</Text>
      {against !== null && difference.value !== null && (
        <Text size="sm" c="dimmed">
          {t('model_page.difference', {
            figure: named(`figure.${metric}`, metric), number: against, difference: estimateText(difference),
            margin: figureText(margin), cases: n, patients,
          })}
        </Text>
      )}
    </div>
  )
}
