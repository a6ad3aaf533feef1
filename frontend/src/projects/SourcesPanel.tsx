/** Draw studies from another DICOMweb server, and send the project's studies there. */
import { Button, Group, Modal, Select, Stack, Text, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, good, type Schemas } from '../api/client'
import { t } from '../i18n'
import { showError } from '../ui/notify'
import { Empty, Loaded } from '../ui/states'
import { SourceSearch } from './SourceSearch'
import { TransfersTable } from './TransfersTable'

const REFRESH_MS = 1500

interface Props {
  projectId: string
}

export function SourcesPanel({ projectId }: Props) {
  const path = { project_id: projectId }
  const sources = useQuery({
    queryKey: ['sources', projectId],
    queryFn: () => good(api.GET('/api/v1/projects/{project_id}/sources', { params: { path } })),
  })
  const transfers = useQuery({
    queryKey: ['transfers', projectId],
    queryFn: () => good(api.GET('/api/v1/projects/{project_id}/transfers', { params: { path } })),
    refetchInterval: ({ state }) => (state.data?.results.some(isUnfinished) ? REFRESH_MS : false),
  })
  return (
    <Stack gap="xl">
      <Loaded query={sources}>
        {(found) => <Sources projectId={projectId} sources={found} lastEnd={lastEndOf(transfers.data?.results)} />}
      </Loaded>
      <Loaded query={transfers}>
        {(page) => <TransfersTable projectId={projectId} transfers={page.results} />}
      </Loaded>
    </Stack>
  )
}

interface SourcesProps {
  projectId: string
  sources: Schemas['Source'][]
  lastEnd: string
}

function Sources({ projectId, sources, lastEnd }: SourcesProps) {
  const [chosen, setChosen] = useState(sources[0]?.id ?? null)
  const source = sources.find((one) => one.id === chosen)
  if (sources.length === 0) {
    return (
      <Empty title={t('sources.none')}>{t('sources.none_help')}</Empty>
    )
  }
  return (
    <Stack>
      <Group justify="space-between" align="end">
        <Select
          label={t('sources.source')}
          data={sources.map((one) => ({ value: one.id, label: one.name }))}
          value={chosen}
          allowDeselect={false}
          onChange={setChosen}
        />
        {source && <PushButton projectId={projectId} source={source} />}
      </Group>
      {source && (
        <SourceSearch key={source.id} projectId={projectId} sourceId={source.id} lastEnd={lastEnd} />
      )}
    </Stack>
  )
}

function PushButton({ projectId, source }: { projectId: string; source: Schemas['Source'] }) {
  const queries = useQueryClient()
  const [isOpen, dialog] = useDisclosure(false)
  const push = useMutation({
    mutationFn: () =>
      good(
        api.POST('/api/v1/projects/{project_id}/transfers', {
          params: { path: { project_id: projectId } },
          body: { source_id: source.id, direction: 'push', studies: [] },
        }),
      ),
    onSuccess: () => {
      dialog.close()
      return queries.invalidateQueries({ queryKey: ['transfers', projectId] })
    },
    onError: showError,
  })
  return (
    <>
      <Button variant="default" onClick={dialog.open}>
        {t('sources.push_all')}
      </Button>
      <Modal opened={isOpen} onClose={dialog.close} closeButtonProps={{ 'aria-label': t('ui.close') }} title={<Title order={2} size="h4">{t('sources.push_all')}</Title>}>
        <Stack>
          <Text size="sm">
            {t('sources.push_help', { source: source.name })}
          </Text>
          <Group justify="flex-end">
            <Button variant="default" onClick={dialog.close}>
              {t('sources.keep_here')}
            </Button>
            <Button loading={push.isPending} onClick={() => push.mutate()}>
              {t('sources.push_to', { source: source.name })}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  )
}

function isUnfinished(transfer: Schemas['TransferRow']): boolean {
  return transfer.state === 'pending' || transfer.state === 'running'
}

/** Changes when a transfer ends, so that the search shows what has arrived. */
function lastEndOf(transfers: Schemas['TransferRow'][] = []): string {
  return transfers.reduce((last, { finished_at }) => (finished_at && finished_at > last ? finished_at : last), '')
}
