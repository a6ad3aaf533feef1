/** One case of a frozen dataset: its answers, the reads that they come from, and the images of its study. */
import { Anchor, Button, Container, Group, Stack, Table, Text, Title } from '@mantine/core'
import { Link, useLocation, useParams } from 'react-router'
import { t } from '../i18n'
import { shownAnswer } from '../labeling/answerText'
import { definitionOf, scopeOf } from '../labeling/definition'
import { Part } from '../learning/model/Part'
import { nameOfCase } from '../projects/MarkActions'
import { Loaded } from '../ui/states'
import { HeldImages } from './HeldImages'
import { ItemReads } from './ItemReads'
import { useDataset, useItem, type Dataset, type ItemDetail } from './useDatasets'

interface Props {
  dataset: Dataset
  item: ItemDetail
}

export default function ItemPage() {
  const { datasetId = '', caseId = '' } = useParams()
  const dataset = useDataset(datasetId)
  const item = useItem(datasetId, caseId)
  return (
    <Container size="xl" data-testid="item-page">
      <Loaded query={dataset}>
        {(frozen) => <Loaded query={item}>{(found) => <Found dataset={frozen} item={found} />}</Loaded>}
      </Loaded>
    </Container>
  )
}

function Found({ dataset, item }: Props) {
  const casePath = `/projects/${dataset.project}/cases/${item.case_id}?dataset=${dataset.id}`
  return (
    <Stack gap="lg">
      <Heading dataset={dataset} item={item} casePath={casePath} />
      <Part title={t('dataset.answers')}>
        <Answers dataset={dataset} item={item} />
      </Part>
      <Part title={t('dataset.reads')} help={t('item.reads_help')}>
        <ItemReads reads={item.reads} pathOf={(read) => `${casePath}&read=${read.annotation_id}`} />
      </Part>
      <Part title={t('dataset.images')}>
        <HeldImages datasetId={dataset.id} item={item} />
      </Part>
    </Stack>
  )
}

function Heading({ dataset, item, casePath }: Props & { casePath: string }) {
  const { search } = useLocation() // what the list was narrowed down to
  return (
    <Group justify="space-between">
      <div>
        <Anchor component={Link} to={`/datasets/${dataset.id}${search}`} size="sm">
          {t('item.back')}
        </Anchor>
        <Title order={1} size="h2">{nameOfCase(item)}</Title>
        <Text size="sm" c="dimmed">{dataset.name}</Text>
      </div>
      <Button component={Link} to={casePath} size="xs">
        {t('item.open_case')}
      </Button>
    </Group>
  )
}

function Answers({ dataset, item }: Props) {
  const questions = (definitionOf(dataset.schema.definition).questions ?? []).filter((one) => scopeOf(one) === 'study')
  const answers = questions.map((question) => {
    const answer = item.answers[question.key] ?? null
    return [question.label, answer === null ? t('dataset.not_agreed') : shownAnswer(answer, question)]
  })
  const facts = [
    ...answers,
    [t('dataset.split'), t(`model_page.split_${item.split}`)],
    [t('dataset.patient_key'), item.patient_key],
    [t('item.study'), item.study_instance_uid],
  ]
  return (
    <Table data-testid="item-answers">
      <Table.Tbody>
        {facts.map(([name, value]) => (
          <Table.Tr key={name}>
            <Table.Th scope="row" fw={400} w="16rem">{name}</Table.Th>
            <Table.Td>{value}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}
