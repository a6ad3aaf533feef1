/** The reads that an item was frozen from, and whether their content is still the same. */
import { Anchor, Badge, Group, Table, Text } from '@mantine/core'
import { Link } from 'react-router'
import type { Schemas } from '../api/client'
import { formatDate, t } from '../i18n'
import { Hash } from '../ui/Hash'

type Read = Schemas['FrozenRead']

interface Props {
  reads: readonly Read[]
  pathOf: (read: Read) => string
}

export function ItemReads({ reads, pathOf }: Props) {
  const heads = [t('item.reader'), t('item.revision'), t('item.schema'), t('item.submitted'), t('item.sha256'), t('item.content')]
  return (
    <Table.ScrollContainer minWidth={720}>
      <Table data-testid="item-reads">
        <Table.Thead>
          <Table.Tr>{heads.map((head) => <Table.Th key={head}>{head}</Table.Th>)}</Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {reads.map((read) => (
            <Table.Tr key={read.revision_id}>
              <Table.Td>
                <Anchor component={Link} to={pathOf(read)} size="sm" aria-label={t('item.look', { reader: read.reader })}>{read.reader}</Anchor>
              </Table.Td>
              <Table.Td title={read.revision_id}>{read.number}</Table.Td>
              <Table.Td>{read.schema_version}</Table.Td>
              <Table.Td>{formatDate(read.submitted_at)}</Table.Td>
              <Table.Td>{read.sha256 !== null && <Hash of={read.sha256} />}</Table.Td>
              <Table.Td>
                <Group gap="xs">
                  <Standing isUnchanged={read.is_unchanged} />
                  {read.has_newer && <Text size="xs" c="dimmed">{t('item.newer')}</Text>}
                </Group>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function Standing({ isUnchanged }: { isUnchanged: boolean | null }) {
  if (isUnchanged === null) return <Badge variant="light" color="gray">{t('item.not_kept')}</Badge>
  return isUnchanged ? <Badge variant="light" color="teal">{t('item.unchanged')}</Badge> : <Badge color="red">{t('item.changed')}</Badge>
}
