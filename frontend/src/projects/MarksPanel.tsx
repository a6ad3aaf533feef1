/** Cases that readers skipped, flagged or want a second opinion on, and what becomes of them. */
import { Button, Group, SegmentedControl, Select, Table, Text } from '@mantine/core'
import { useState } from 'react'
import { Link } from 'react-router'
import type { Schemas } from '../api/client'
import { formatDate, t } from '../i18n'
import { Pages } from '../ui/Pages'
import { Empty, Loaded } from '../ui/states'
import { KindBadge } from './KindBadge'
import { MarkActions, nameOfCase } from './MarkActions'
import { MARK_KINDS, PAGE_SIZE, useMarkActs, useMarks, useMembers, type MarkActs, type MarkFilter, type MarkRow } from './useMarks'

interface Props {
  projectId: string
  isManager: boolean
}

const FIRST: MarkFilter = { state: 'open', kind: null, reader: null, page: 1 }

export function MarksPanel({ projectId, isManager }: Props) {
  const [filter, setFilter] = useState(FIRST)
  const marks = useMarks(projectId, filter)
  const members = useMembers(projectId, isManager)
  const acts = useMarkActs(projectId)
  const change = (part: Partial<MarkFilter>) => setFilter({ ...filter, page: 1, ...part })
  return (
    <>
      <Filters filter={filter} members={members} onChange={change} />
      <Loaded query={marks}>
        {(page) =>
          page.results.length === 0 ? (
            <Empty title={t('marks.none')}>{t('marks.none_help')}</Empty>
          ) : (
            <>
              <MarksTable marks={page.results} projectId={projectId} acts={isManager ? acts : null} members={members} />
              <Pages label={t('marks.pages')} count={page.count} size={PAGE_SIZE} page={filter.page} onPage={(number) => change({ page: number })} />
            </>
          )
        }
      </Loaded>
    </>
  )
}

interface FiltersProps {
  filter: MarkFilter
  members: readonly Schemas['Member'][]
  onChange: (part: Partial<MarkFilter>) => void
}

function Filters({ filter, members, onChange }: FiltersProps) {
  const kinds = MARK_KINDS.map((kind) => ({ value: kind, label: t(`marks.kind.${kind}`) }))
  return (
    <Group mb="md">
      <SegmentedControl
        aria-label={t('marks.state')}
        value={filter.state}
        onChange={(state) => onChange({ state: state })}
        data={[
          { value: 'open', label: t('marks.open_marks') },
          { value: 'resolved', label: t('marks.resolved') },
          { value: 'all', label: t('marks.all') },
        ]}
      />
      <Select clearable aria-label={t('marks.kind')} placeholder={t('marks.any_kind')} data={kinds} value={filter.kind}
        onChange={(kind) => onChange({ kind: MARK_KINDS.find((one) => one === kind) ?? null })} />
      {members.length > 0 && (
        <Select clearable searchable aria-label={t('marks.reader')} placeholder={t('marks.any_reader')} value={filter.reader}
          data={members.map(({ user_id, username }) => ({ value: user_id, label: username }))}
          onChange={(reader) => onChange({ reader })} />
      )}
    </Group>
  )
}

interface TableProps {
  marks: readonly MarkRow[]
  projectId: string
  /** Null where the viewer of the list may change nothing. */
  acts: MarkActs | null
  members: readonly Schemas['Member'][]
}

function MarksTable({ marks, projectId, acts, members }: TableProps) {
  return (
    <Table.ScrollContainer minWidth={760}>
      <Table verticalSpacing="xs" striped>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('marks.when')}</Table.Th>
            <Table.Th>{t('marks.kind')}</Table.Th>
            <Table.Th>{t('marks.reason')}</Table.Th>
            <Table.Th>{t('marks.reader')}</Table.Th>
            <Table.Th>{t('marks.case')}</Table.Th>
            <Table.Th aria-hidden="true" />
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {marks.map((mark) => (
            <Table.Tr key={mark.id} data-testid="mark">
              <Table.Td style={{ whiteSpace: 'nowrap' }}>{formatDate(mark.created_at)}</Table.Td>
              <Table.Td>
                <KindBadge mark={mark} />
              </Table.Td>
              <Table.Td maw={360}>{mark.reason}</Table.Td>
              <Table.Td>{mark.author_name}</Table.Td>
              <Table.Td>
                <CaseLink mark={mark} projectId={projectId} />
              </Table.Td>
              <Table.Td>{acts && <MarkActions mark={mark} acts={acts} members={members} />}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function CaseLink({ mark, projectId }: { mark: MarkRow; projectId: string }) {
  const name = nameOfCase(mark)
  return (
    <>
      <Group gap={6} wrap="nowrap">
        <Text size="sm">{name}</Text>
        <Button size="compact-xs" variant="subtle" component={Link} to={`/projects/${projectId}/cases/${mark.case_id}`} aria-label={t('marks.open_case', { case: name })}>
          {t('marks.open')}
        </Button>
      </Group>
      {mark.study_description !== '' && (
        <Text size="xs" c="dimmed">
          {mark.study_description}
        </Text>
      )}
      {mark.handovers.map(({ reader_id, reader_name }) => (
        <Text key={reader_id} size="xs">
          {t('marks.given_to', { name: reader_name })}
        </Text>
      ))}
    </>
  )
}
