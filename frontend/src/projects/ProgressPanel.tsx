/** Where the project stands: counts, per reader, per day. */
import { BarChart } from '@mantine/charts'
import '@mantine/charts/styles.css'
import { Card, Progress, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { api, good, type Schemas } from '../api/client'
import { formatDate, formatNumber, t } from '../i18n'
import { Empty, Loaded } from '../ui/states'
import { OutgrownReads } from './OutgrownReads'

const REFRESH_MS = 20_000 // what more images have outgrown is looked for among all reads each time

export function ProgressPanel({ projectId, isManager }: { projectId: string; isManager: boolean }) {
  const progress = useQuery({
    queryKey: ['progress', projectId],
    refetchInterval: REFRESH_MS,
    queryFn: () =>
      good(
        api.GET('/api/v1/projects/{project_id}/progress', { params: { path: { project_id: projectId } } }),
      ),
  })
  return (
    <Loaded query={progress}>
      {(now) =>
        now.total === 0 ? (
          <Empty title={t('progress.no_cases')}>{t('progress.no_cases_help')}</Empty>
        ) : (
          <Stack gap="lg">
            {now.outgrown > 0 && <OutgrownReads projectId={projectId} count={now.outgrown} isManager={isManager} />}
            <Figures now={now} />
          </Stack>
        )
      }
    </Loaded>
  )
}

function Figures({ now }: { now: Schemas['Progress'] }) {
  const share = (n: number) => (100 * n) / now.total
  return (
    <Stack gap="lg">
      <SimpleGrid cols={{ base: 2, md: 5 }}>
        <Figure label={t('progress.done')} value={now.done} />
        <Figure label={t('progress.in_progress')} value={now.in_progress} />
        <Figure label={t('progress.left')} value={now.left} />
        <Figure label={t('progress.waiting_for_review')} value={now.waiting_for_review} />
        <Figure label={t('progress.median_time')} value={seconds(now.median_active_seconds)} />
      </SimpleGrid>
      <Progress.Root size="xl" aria-label={t('progress.share')}>
        <Progress.Section value={share(now.done)} color="teal" aria-label={t('progress.done')} />
        <Progress.Section value={share(now.in_progress)} color="yellow" aria-label={t('progress.in_progress')} />
      </Progress.Root>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <div>
          <Title order={2} size="h4" mb="xs">
            {t('progress.per_day')}
          </Title>
          {now.per_day.length > 0 ? (
            <BarChart h={220} data={now.per_day.map((one) => ({ ...one, day: formatDate(one.day) }))} dataKey="day" series={[{ name: 'submitted', label: t('progress.submitted'), color: 'blue.5' }]} maxBarWidth={48} />
          ) : (
            <Text c="dimmed">{t('progress.nothing_read')}</Text>
          )}
        </div>
        <Readers rows={now.per_reader} />
      </SimpleGrid>
    </Stack>
  )
}

function Readers({ rows }: { rows: Schemas['ReaderProgress'][] }) {
  return (
    <div>
      <Title order={2} size="h4" mb="xs">
        {t('progress.readers')}
      </Title>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('progress.reader')}</Table.Th>
            <Table.Th ta="right">{t('progress.submitted')}</Table.Th>
            <Table.Th ta="right">{t('progress.accepted')}</Table.Th>
            <Table.Th ta="right">{t('progress.median')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={row.reader_id}>
              <Table.Td>{row.username}</Table.Td>
              <Table.Td ta="right">{row.submitted}</Table.Td>
              <Table.Td ta="right">{row.accepted}</Table.Td>
              <Table.Td ta="right">{seconds(row.median_active_seconds)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  )
}

function Figure({ label, value }: { label: string; value: number | string }) {
  return (
    <Card withBorder padding="sm">
      <Text size="sm" c="dimmed">
        {label}
      </Text>
      <Text size="xl" fw={700}>
        {value}
      </Text>
    </Card>
  )
}

function seconds(value: number | null): string {
  return value === null ? '–' : t('progress.seconds', { seconds: formatNumber(value, value < 10 ? 1 : 0) })
}
