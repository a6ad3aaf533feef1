/** What is on its way from and to the sources, what failed, and how to stop or go on. */
import { Badge, Button, Group, List, Progress, Stack, Table, Text, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, good, type Schemas } from '../api/client'
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
      <Title order={4} mb="xs">
        Transfers
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
          {new Date(transfer.created_at).toLocaleString()}
        </Text>
      </Table.Td>
      <Table.Td>
        <Badge color={COLORS[transfer.state]} variant="light">
          {transfer.cancel_requested && transfer.state === 'running' ? 'stopping' : transfer.state}
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
              {isOpen ? 'Hide' : 'Show'} {transfer.failed_count} failed
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
            aria-label={`${done} of ${total} images`}
            animated
          />
        </Progress.Root>
      )}
      <Text size="sm" c="dimmed">
        {transfer.new_count} new, {transfer.known_count} there already
        {transfer.failed_count > 0 && `, ${transfer.failed_count} failed`}
        {transfer.state === 'running' && total > 0 && ` of ${total} images`}
      </Text>
      {transfer.error !== '' && (
        <Text size="sm" c="red">
          {transfer.error}
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
    onError: (error: Error) => notifications.show({ color: 'red', message: error.message }),
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
        Cancel
      </Button>
    )
  }
  if (transfer.state === 'completed' && transfer.failed_count === 0) return null
  return (
    <Button size="xs" variant="default" loading={resume.isPending} onClick={() => resume.mutate()}>
      Resume
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
              {failure.instance || `study ${failure.study}`}: {failure.reason}
            </List.Item>
          ))}
        </List>
      )}
    </Loaded>
  )
}

function titleOf({ direction, source_name, study_count }: Transfer): string {
  const studies = study_count === 0 ? 'all studies' : `${study_count} ${study_count === 1 ? 'study' : 'studies'}`
  return direction === 'pull' ? `Pull ${studies} from ${source_name}` : `Push ${studies} to ${source_name}`
}
