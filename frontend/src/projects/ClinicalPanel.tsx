/** The project's table of clinical values: upload it, see how far it reaches, delete it. For managers. */
import { Alert, Button, FileButton, Group, Modal, Stack, Table, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, good, type Schemas } from '../api/client'
import { formatDate, t } from '../i18n'
import { showError } from '../ui/notify'
import { Empty, Loaded } from '../ui/states'

export function ClinicalPanel({ projectId }: { projectId: string }) {
  const path = { project_id: projectId }
  const answer = useQuery({
    queryKey: ['clinical-table', projectId],
    queryFn: () => good(api.GET('/api/v1/projects/{project_id}/clinical-table', { params: { path } })),
  })
  return (
    <Stack data-testid="clinical">
      <Text size="sm" c="dimmed" maw={760}>{t('clinical.help')}</Text>
      <Upload projectId={projectId} />
      <Loaded query={answer}>
        {({ table }) =>
          table ? (
            <Columns projectId={projectId} table={table} />
          ) : (
            <Empty title={t('clinical.none')}>{t('clinical.none_help')}</Empty>
          )
        }
      </Loaded>
    </Stack>
  )
}

function Upload({ projectId }: { projectId: string }) {
  const queries = useQueryClient()
  const send = useMutation({
    mutationFn: (file: File) =>
      good(
        api.PUT('/api/v1/projects/{project_id}/clinical-table', {
          params: { path: { project_id: projectId } },
          body: file as unknown as string, // the description knows bytes only as text
          bodySerializer: (body) => body as unknown as Blob,
          headers: { 'Content-Type': 'text/csv' },
        }),
      ),
    onSuccess: (found) => {
      queries.setQueryData(['clinical-table', projectId], found)
      return queries.invalidateQueries({ queryKey: ['learnable-columns'] })
    },
  })
  return (
    <>
      <Group>
        <FileButton accept=".csv,text/csv" onChange={(file) => file && send.mutate(file)}>
          {(props) => <Button {...props} loading={send.isPending}>{t('clinical.upload')}</Button>}
        </FileButton>
      </Group>
      {send.isError && (
        <Alert color="red" title={t('clinical.refused')}>{send.error.message}</Alert>
      )}
    </>
  )
}

function Columns({ projectId, table }: { projectId: string; table: Schemas['ClinicalTable'] }) {
  return (
    <>
      <Group justify="space-between">
        <Text size="sm">
          {t('clinical.lines', { count: table.line_count, identifier: table.identifier })}{' '}
          {t('clinical.reach', { count: table.case_count, unmatched: table.unmatched_line_count })}{' '}
          {t('clinical.uploaded', { name: table.uploaded_by || '–', when: formatDate(table.uploaded_at) })}
        </Text>
        <Delete projectId={projectId} />
      </Group>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('clinical.column')}</Table.Th>
            <Table.Th>{t('clinical.unit')}</Table.Th>
            <Table.Th>{t('clinical.values')}</Table.Th>
            <Table.Th ta="right">{t('clinical.cases')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {table.columns.map((column) => (
            <Table.Tr key={column.key}>
              <Table.Td>{column.name}</Table.Td>
              <Table.Td>{column.unit}</Table.Td>
              <Table.Td>{column.type === 'number' ? t('clinical.numbers') : column.categories.join(', ')}</Table.Td>
              <Table.Td ta="right">{column.case_count}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </>
  )
}

function Delete({ projectId }: { projectId: string }) {
  const queries = useQueryClient()
  const [isOpen, { open, close }] = useDisclosure(false)
  const remove = useMutation({
    mutationFn: () =>
      good(
        api.DELETE('/api/v1/projects/{project_id}/clinical-table', { params: { path: { project_id: projectId } } }),
      ),
    onSuccess: () => {
      close()
      return queries.invalidateQueries()
    },
    onError: showError,
  })
  return (
    <>
      <Button variant="default" size="xs" onClick={open}>{t('clinical.delete')}</Button>
      <Modal opened={isOpen} onClose={close} closeButtonProps={{ 'aria-label': t('ui.close') }} title={t('clinical.delete_title')}>
        <Text size="sm" mb="md">{t('clinical.delete_help')}</Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>{t('clinical.keep')}</Button>
          <Button color="red" loading={remove.isPending} onClick={() => remove.mutate()}>{t('clinical.delete')}</Button>
        </Group>
      </Modal>
    </>
  )
}
