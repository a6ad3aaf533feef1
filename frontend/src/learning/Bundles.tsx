/** Models out of the project and into it, as bundles. For managers. */
import { Anchor, Button, Card, FileButton, Group, Select, Stack, Text, Title } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, good, type Schemas } from '../api/client'
import { errorText } from '../api/saidText'
import { formatNumber, t } from '../i18n'
import { showError } from '../ui/notify'
import { JobProgress } from './JobProgress'
import { isBusy, REFRESH_MS, whileBusy } from './jobState'

export function Bundles({ targetId }: { targetId: string }) {
  return (
    <Card withBorder padding="md" data-testid="bundles">
      <Title order={3} size="h4" mb="xs">{t('bundles.title')}</Title>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">{t('bundles.help')}</Text>
        <Export targetId={targetId} />
        <Import targetId={targetId} />
      </Stack>
    </Card>
  )
}

function Export({ targetId }: { targetId: string }) {
  const [chosen, setChosen] = useState<string | null>(null)
  const versions = useQuery({
    queryKey: ['models', targetId, 'to export'],
    refetchInterval: 10 * REFRESH_MS,
    queryFn: () =>
      good(api.GET('/api/v1/targets/{target_id}/model-versions', { params: { path: { target_id: targetId } } })),
  })
  const request = useMutation({
    mutationFn: (id: string) =>
      good(
        api.POST('/api/v1/model-versions/{model_version_id}/bundle-exports', {
          params: { path: { model_version_id: id } },
        }),
      ),
    onError: showError,
  })
  const models = versions.data ?? []
  const id = chosen ?? models[0]?.id ?? null
  const number = models.find((model) => model.id === id)?.number ?? 0
  const ask = () => {
    if (id === null) return
    setChosen(id) // a newer model must not take its place while the bundle is made
    request.mutate(id)
  }
  if (models.length === 0) return null
  return (
    <Group align="flex-end">
      <Select
        label={t('bundles.choose')}
        data={models.map((model) => ({ value: model.id, label: t('bundles.model', { number: model.number }) }))}
        value={id}
        allowDeselect={false}
        onChange={(value) => {
          setChosen(value)
          request.reset()
        }}
      />
      {request.data ? (
        <Made first={request.data} number={number} />
      ) : (
        <Button variant="default" loading={request.isPending} onClick={ask}>
          {t('bundles.export')}
        </Button>
      )}
    </Group>
  )
}

/** The bundle that was asked for, until it can be downloaded. */
function Made({ first, number }: { first: Schemas['BundleExport']; number: number }) {
  const made = useQuery({
    queryKey: ['bundle-export', first.id],
    initialData: first,
    refetchInterval: ({ state }) => whileBusy(state.data && [state.data]),
    queryFn: () =>
      good(api.GET('/api/v1/bundle-exports/{bundle_export_id}', { params: { path: { bundle_export_id: first.id } } })),
  }).data
  if (made.state === 'completed') {
    const size = formatNumber((made.size_bytes ?? 0) / 1e6, 1)
    return (
      <Anchor size="sm" href={`/api/v1/bundle-exports/${made.id}/file`} download>
        {t('bundles.download', { number, size })}
      </Anchor>
    )
  }
  return isBusy(made) ? (
    <Text size="sm" c="dimmed">{t('bundles.exporting')}</Text>
  ) : (
    <Text size="sm" c="red">{t('bundles.failed', { reason: errorText(made) })}</Text>
  )
}

function Import({ targetId }: { targetId: string }) {
  const queries = useQueryClient()
  const path = { target_id: targetId }
  const key = ['bundle-imports', targetId]
  const arrived = useQuery({
    queryKey: key,
    refetchInterval: ({ state }) => whileBusy(state.data),
    queryFn: async () => {
      const found = await good(api.GET('/api/v1/targets/{target_id}/bundle-imports', { params: { path } }))
      if (!found.some(isBusy)) {
        void queries.invalidateQueries({ queryKey: ['models', targetId] })
        void queries.invalidateQueries({ queryKey: ['starts', targetId] })
      }
      return found
    },
  })
  const send = useMutation({
    mutationFn: (file: File) =>
      good(
        api.POST('/api/v1/targets/{target_id}/bundle-imports', {
          params: { path },
          body: file as unknown as string, // the description knows bytes only as text
          bodySerializer: (body) => body as unknown as Blob,
          headers: { 'Content-Type': 'application/zip' },
        }),
      ),
    onSuccess: () => queries.invalidateQueries({ queryKey: key }),
    onError: showError,
  })
  const newest = arrived.data?.[0]
  return (
    <Group>
      <FileButton accept=".zip,application/zip" onChange={(file) => file && send.mutate(file)}>
        {(props) => (
          <Button {...props} variant="default" loading={send.isPending}>
            {t('bundles.import')}
          </Button>
        )}
      </FileButton>
      {newest && <Arrived arrived={newest} />}
    </Group>
  )
}

function Arrived({ arrived }: { arrived: Schemas['BundleImport'] }) {
  if (isBusy(arrived)) {
    return <JobProgress job={arrived} title={t('bundles.importing')} label={t('bundles.importing')} isStopping={false} />
  }
  return arrived.model_number === null ? (
    <Text size="sm" c="red">{t('bundles.refused', { reason: errorText(arrived) })}</Text>
  ) : (
    <Text size="sm">{t('bundles.imported', { number: arrived.model_number })}</Text>
  )
}
