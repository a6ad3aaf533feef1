/** One model version: how good it is and for whom, whether it still is, and where it comes from. */
import { Anchor, Badge, Button, Container, Group, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from 'react-router'
import { api, good, type Schemas } from '../../api/client'
import { formatDate, named, t } from '../../i18n'
import { Loaded } from '../../ui/states'
import { targetName } from '../../labeling/targetText'
import { Unlabeled } from '../Unlabeled'
import { Drift } from './Drift'
import { Evidence } from './Evidence'
import { Figures } from './Figures'
import { Froc } from './Froc'
import { Lineage } from './Lineage'
import { Part } from './Part'
import { Reliability } from './Reliability'
import { Subgroups } from './Subgroups'

export default function ModelPage() {
  const { modelVersionId = '' } = useParams()
  const model = useQuery({
    queryKey: ['model', modelVersionId],
    queryFn: () =>
      good(
        api.GET('/api/v1/model-versions/{model_version_id}', { params: { path: { model_version_id: modelVersionId } } }),
      ),
  })
  return (
    <Container size="xl" data-testid="model-page">
      <Loaded query={model}>{(detail) => <Model detail={detail} />}</Loaded>
    </Container>
  )
}

function Model({ detail }: { detail: Schemas['ModelDetail'] }) {
  const { version, reliability } = detail
  const isTested = detail.n > 0
  return (
    <Stack gap="lg">
      <Heading detail={detail} />
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        <Figures detail={detail} />
        <Stack gap="lg">
          <Evidence id={version.id} stored={detail.evidence} isInProduction={version.state === 'production'} />
          {version.metrics.unlabeled && (
            <Part title={t('unlabeled.title')}><Unlabeled found={version.metrics.unlabeled} /></Part>
          )}
          {reliability.length > 0 && <Reliability bins={reliability} />}
          {detail.froc_curve.length > 0 && <Froc curve={detail.froc_curve} />}
        </Stack>
      </SimpleGrid>
      {isTested && <Subgroups id={version.id} deciding={detail.deciding} />}
      {isTested && <Drift id={version.id} />}
      <Part title={t('model_page.lineage')}>
        <Lineage version={version} lineage={detail.lineage} />
      </Part>
    </Stack>
  )
}

function Heading({ detail: { version, project, kind, target_labels: labels } }: { detail: Schemas['ModelDetail'] }) {
  const card = `/api/v1/model-versions/${version.id}/card`
  return (
    <Group justify="space-between">
      <div>
        <Anchor component={Link} to={`/projects/${project}?tab=learning`} size="sm">
          {t('model_page.back')}
        </Anchor>
        <Group gap="sm">
          <Title order={1} size="h2">{t('model_page.title', { number: version.number, question: targetName({ kind, labels }) })}</Title>
          <Badge variant="light" data-testid="model-state">{named(`model.${version.state}`, version.state)}</Badge>
        </Group>
        <Text size="sm" c="dimmed">{t('model_page.made', { date: formatDate(version.created_at) })}</Text>
      </div>
      <Group gap="xs">
        <Button component="a" href={`${card}.md`} download size="xs" variant="default">
          {t('model_page.card')}
        </Button>
        <Button component="a" href={card} download size="xs" variant="default">
          {t('model_page.card_json')}
        </Button>
      </Group>
    </Group>
  )
}
