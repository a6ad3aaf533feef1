/** Two versions of one read: what is here, what was saved elsewhere, and which one holds. */
import { Alert, Button, Group, SegmentedControl, Table, Text } from '@mantine/core'
import { t } from '../i18n'
import { keyed } from './actions'
import type { Case } from './amiss'
import { isSameJson, type Content } from './content'
import { differencesOf } from './differences'

/** A longer table says nothing that a look at the images does not say better. */
const MOST_ROWS = 40

export interface ConflictDialogProps {
  mine: Content
  theirs: Content
  /** The study and the schema that both speak of. */
  of: Pick<Case, 'study' | 'definition'>
  /** Whether the page and its images show the other version. */
  isOther: boolean
  onLook: (isOther: boolean) => void
  onMine: () => void
  onTheirs: () => void
}

/** Stands in the panel and not above the page: the images must stay in sight to decide. */
export function ConflictDialog({ mine, theirs, of, isOther, onLook, onMine, onTheirs }: ConflictDialogProps) {
  const rows = differencesOf(mine, theirs, of)
  return (
    <Alert color="orange" title={t('conflict.title')} data-testid="conflict" role="alert">
      <Text size="sm">{t('conflict.help')}</Text>
      {rows.length === 0 ? (
        <Text size="sm" mt="xs">
          {t(isSameJson(mine, theirs) ? 'conflict.same' : 'conflict.same_words')}
        </Text>
      ) : (
        <Table mt="xs" withRowBorders={false} verticalSpacing={2}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('conflict.what')}</Table.Th>
              <Table.Th>{t('conflict.here')}</Table.Th>
              <Table.Th>{t('conflict.there')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.slice(0, MOST_ROWS).map(({ what, here, there }, number) => (
              <Table.Tr key={number}>
                <Table.Td>{what}</Table.Td>
                <Table.Td>{here}</Table.Td>
                <Table.Td>{there}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {rows.length > MOST_ROWS && <Text size="sm">{t('amiss.more', { count: rows.length - MOST_ROWS })}</Text>}
      <Text size="sm" mt="xs">
        {t('conflict.look')}
      </Text>
      <SegmentedControl
        {...keyed('conflict_look')}
        size="xs"
        fullWidth
        aria-label={t('conflict.look')}
        value={isOther ? 'there' : 'here'}
        data={(['here', 'there'] as const).map((value) => ({ value, label: t(`conflict.${value}`) }))}
        onChange={(value) => onLook(value === 'there')}
      />
      <Group mt="sm">
        <Button {...keyed('conflict_mine')} size="xs" onClick={onMine}>
          {t('conflict.keep_mine')}
        </Button>
        <Button {...keyed('conflict_theirs')} size="xs" variant="default" onClick={onTheirs}>
          {t('conflict.take_theirs')}
        </Button>
      </Group>
    </Alert>
  )
}
