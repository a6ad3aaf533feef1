/** Items of a dataset as rows: each leads to its reads and images. */
import { Anchor, Group, Table, Text } from '@mantine/core'
import { Link } from 'react-router'
import { t } from '../i18n'
import { shownAnswers } from '../labeling/answerText'
import { scopeOf, type Question } from '../labeling/definition'
import { nameOfCase } from '../projects/MarkActions'
import { Hash } from '../ui/Hash'
import type { Item } from './useDatasets'

interface Props {
  items: readonly Item[]
  questions: readonly Question[]
  pathOf: (item: Item) => string
}

export function ItemTable({ items, questions, pathOf }: Props) {
  const asked = questions.filter((question) => scopeOf(question) === 'study')
  const heads = [t('dataset.case'), t('dataset.split'), t('dataset.patient_key'), t('dataset.answers'), t('dataset.reads'), t('dataset.images')]
  return (
    <Table.ScrollContainer minWidth={860}>
      <Table verticalSpacing="xs" striped data-testid="items">
        <Table.Thead>
          <Table.Tr>{heads.map((head) => <Table.Th key={head}>{head}</Table.Th>)}</Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map((item) => (
            <Table.Tr key={item.case_id} data-testid="item">
              <Table.Td>
                <Anchor component={Link} to={pathOf(item)} size="sm">{nameOfCase(item)}</Anchor>
              </Table.Td>
              <Table.Td>{t(`model_page.split_${item.split}`)}</Table.Td>
              <Table.Td ff="monospace">{item.patient_key}</Table.Td>
              <Table.Td maw={360}>
                <Text size="sm" lineClamp={3} title={shownAnswers(item.answers, asked)}>{shownAnswers(item.answers, asked)}</Text>
              </Table.Td>
              <Table.Td>
                <Counted count={item.read_count} hashes={item.contents_sha256} />
              </Table.Td>
              <Table.Td>
                <Counted count={item.instance_count} hashes={[item.images_sha256]} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function Counted({ count, hashes }: { count: number; hashes: readonly string[] }) {
  return (
    <Group gap={6}>
      <Text span size="sm">{count}</Text>
      {hashes.map((hash, index) => <Hash key={index} of={hash} />)}
    </Group>
  )
}
