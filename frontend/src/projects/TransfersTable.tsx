/** What is on its way from and to the sources, what failed, and how to stop or go on. */
import { Badge, Button, Group, List, Progress, Stack, Table, Text, Title } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, good, type Schemas } from '../api/client'
import { errorText } from '../api/saidText'
import { formatDate, named, t } from '../i18n'
import { showError } from '../ui/notify'
import { Loaded } from '../ui/states'

type Transfer = Schemas['TransferRow']
const COLORS = { pending: 'gray', running: 'blue', completed: 'teal', failed: 'red', cancelled: 'yellow' } as const

interface Props {
  projectId: string
  transfers: Transfer[]
}

export function TransfersTable({ projectId, transfers }: Props) {
  if (transfers.length === 0) return null
  return (
    <div>
      <Title order={2} size="h4" mb="xs">
        {t('transfers.title')}
      </Title>
      <Table>
        <Table.Tbody>
          {transfers.map((transfer) => (
            <TransferRow key={transfer.id} projectId={projectId} transfer={transfer} />
          ))}
        </Table.Tbody>
      </Table>
    </div>
  )
}

function TransferRow({ projectId, transfer }: { projectId: string; transfer: Transfer }) {
  const [isOpen, setIsOpen] = useState(false)
  return (
    <Table.Tr data-testid="transfer" data-state={transfer.state}>
      <Table.Td>
        <Text size="sm">{titleOf(transfer)}</Text>
        <Text size="xs" c="dimmed">
          {formatDate(transfer.created_at)}
        </Text>
      </Table.Td>
      <Table.Td>
        <Badge color={COLORS[transfer.state]} variant="light">
          {transfer.cancel_requested && transfer.state === 'running'
            ? t('transfers.stopping')
            : named(`state.${transfer.state}`, transfer.state)}
        </Badge>
      </Table.Td>
      <Table.Td w="45%">
        <Outcome transfer={transfer} />
        {isOpen && <Failures projectId={projectId} transfer={transfer} />}
      </Table.Td>
      <Table.Td>
        <Group justify="flex-end" gap="xs">
          {transfer.failed_count > 0 && (
            <Button size="xs" variant="subtle" color="red" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
              {t(isOpen ? 'transfers.hide_failed' : 'transfers.show_failed', { failed: transfer.failed_count })}
            </Button>
          )}
          <Commands projectId={projectId} transfer={transfer} />
        </Group>
      </Table.Td>
    </Table.Tr>
  )
}

function Outcome({ transfer }: { transfer: Transfer }) {
  const { done = 0, total = 0 } = transfer.progress
  return (
    <Stack gap={4}>
      {transfer.state === 'running' && (
        <Progress.Root size="lg">
          <Progress.Section
            value={total ? (100 * done) / total : 0}
            aria-label={t('transfers.images', { done, total })}
            animated
          />
        </Progress.Root>
      )}
      <Text size="sm" c="dimmed">
        {summaryOf(transfer)}
      </Text>
      {transfer.error !== '' && (
        <Text size="sm" c="red">
          {errorText(transfer)}
        </Text>
      )}
    </Stack>
  )
}

function Commands({ projectId, transfer }: { projectId: string; transfer: Transfer }) {
  const queries = useQueryClient()
  const params = { path: { project_id: projectId, transfer_id: transfer.id } }
  const after = {
    onSuccess: () => queries.invalidateQueries({ queryKey: ['transfers', projectId] }),
    onError: showError,
  }
  const cancel = useMutation({
    mutationFn: () =>
      good(api.POST('/api/v1/projects/{project_id}/transfers/{transfer_id}/cancellation', { params })),
    ...after,
  })
  const resume = useMutation({
    mutationFn: () =>
      good(api.POST('/api/v1/projects/{project_id}/transfers/{transfer_id}/resumption', { params })),
    ...after,
  })
  if (transfer.state === 'pending' || transfer.state === 'running') {
    return (
      <Button
        size="xs"
        variant="default"
        loading={cancel.isPending}
        disabled={transfer.cancel_requested}
        onClick={() => cancel.mutate()}
      >
        {t('transfers.cancel')}
      </Button>
    )
  }
  if (transfer.state === 'completed' && transfer.failed_count === 0) return null
  return (
    <Button size="xs" variant="default" loading={resume.isPending} onClick={() => resume.mutate()}>
      {t('transfers.resume')}
    </Button>
  )
}

function Failures({ projectId, transfer }: { projectId: string; transfer: Transfer }) {
  const detail = useQuery({
    queryKey: ['transfer', transfer.id, transfer.failed_count],
    queryFn: () =>
      good(
        api.GET('/api/v1/projects/{project_id}/transfers/{transfer_id}', {
          params: { path: { project_id: projectId, transfer_id: transfer.id } },
        }),
      ),
  })
  return (
    <Loaded query={detail}>
      {(found) => (
        <List size="xs" mt="xs">
          {found.failures.map((failure) => (
            <List.Item key={`${failure.study} ${failure.instance}`}>
              {t('transfers.failure', {
                what: failure.instance || t('transfers.study', { study: failure.study }), reason: failure.reason,
              })}
            </List.Item>
          ))}
        </List>
      )}
    </Loaded>
  )
}

function titleOf({ direction, source_name, study_count }: Transfer): string {
  const source = source_name
  if (direction === 'pull') {
    return study_count === 0 ? t('transfers.pull_all', { source }) : t('transfers.pull', { source, count: study_count })
  }
  return study_count === 0 ? t('transfers.push_all', { source }) : t('transfers.push', { source, count: study_count })
}

function summaryOf({ new_count, known_count, failed_count, state, progress }: Transfer): string {
  const total = progress.total ?? 0
  const counts = { new: new_count, known: known_count }
  const outcome = failed_count > 0 ? t('transfers.summary_failed', { ...counts, failed: failed_count }) : t('transfers.summary', counts)
  return state === 'running' && total > 0 ? t('transfers.of_images', { outcome, total }) : outcome
}
