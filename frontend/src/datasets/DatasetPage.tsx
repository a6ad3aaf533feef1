/** One frozen dataset: its cases by page, filtered and searched, and what it was used for. */
import { Anchor, Badge, Container, Group, Stack, Text, Title } from '@mantine/core'
import { Link, useParams, useSearchParams } from 'react-router'
import { formatDate, t } from '../i18n'
import { definitionOf } from '../labeling/definition'
import { Part } from '../learning/model/Part'
import { Hash } from '../ui/Hash'
import { Pages } from '../ui/Pages'
import { Empty, Loaded } from '../ui/states'
import { addressOf, filterOf, PAGE_SIZE, type ItemFilter } from './itemFilter'
import { ItemFilters } from './ItemFilters'
import { ItemTable } from './ItemTable'
import { useDataset, useItems, useUses, type Dataset } from './useDatasets'
import { Uses } from './Uses'

export default function DatasetPage() {
  const { datasetId = '' } = useParams()
  const dataset = useDataset(datasetId)
  return (
    <Container size="xl" data-testid="dataset-page">
      <Loaded query={dataset}>{(found) => <Found dataset={found} />}</Loaded>
    </Container>
  )
}

function Found({ dataset }: { dataset: Dataset }) {
  const uses = useUses(dataset.id)
  return (
    <Stack gap="lg">
      <Heading dataset={dataset} />
      <Items dataset={dataset} />
      <Part title={t('dataset.uses')}>
        <Loaded query={uses}>{(found) => <Uses uses={found} />}</Loaded>
      </Part>
    </Stack>
  )
}

function Heading({ dataset }: { dataset: Dataset }) {
  const { number, item_count: count, created_at: frozen, schema } = dataset
  return (
    <div>
      <Anchor component={Link} to={`/projects/${dataset.project}?tab=datasets`} size="sm">
        {t('dataset.back')}
      </Anchor>
      <Group gap="sm">
        <Title order={1} size="h2">{dataset.name}</Title>
        {dataset.is_for_round && <Badge variant="light">{t('datasets.round')}</Badge>}
        <Hash of={dataset.sha256} />
      </Group>
      <Text size="sm" c="dimmed">
        {t('dataset.about', { number, date: formatDate(frozen), schema: schema.version, count })}
      </Text>
    </div>
  )
}

function Items({ dataset }: { dataset: Dataset }) {
  const [address, setAddress] = useSearchParams()
  const filter = filterOf(address)
  const items = useItems(dataset.id, filter)
  const questions = definitionOf(dataset.schema.definition).questions ?? []
  const change = (part: Partial<ItemFilter>) => setAddress(addressOf({ ...filter, page: 1, ...part }), { replace: true })
  return (
    <section>
      <ItemFilters filter={filter} questions={questions} onChange={change} />
      <Loaded query={items}>
        {(page) =>
          page.results.length === 0 ? (
            <Empty title={t('dataset.none')}>{t('dataset.none_help')}</Empty>
          ) : (
            <>
              <Text size="sm" c="dimmed" role="status">{t('datasets.cases', { count: page.count })}</Text>
              <ItemTable items={page.results} questions={questions} pathOf={(item) => `/datasets/${dataset.id}/items/${item.case_id}?${addressOf(filter)}`} />
              <Pages label={t('dataset.pages')} count={page.count} size={PAGE_SIZE} page={filter.page} onPage={(number) => change({ page: number })} />
            </>
          )
        }
      </Loaded>
    </section>
  )
}
