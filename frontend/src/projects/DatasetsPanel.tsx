/** Freeze the ground truth and download it. */
import { Anchor, Badge, Button, Group, Menu, Table, Text, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'react-router'
import { api, good, type Schemas } from '../api/client'
import { errorText } from '../api/saidText'
import { named, t, type TextKey } from '../i18n'
import { Hash } from '../ui/Hash'
import { showError } from '../ui/notify'
import { Empty, Loaded } from '../ui/states'

const FORMATS = {
  csv: 'datasets.csv', tables: 'datasets.tables', content: 'datasets.content',
  nifti: 'datasets.nifti', coco: 'datasets.coco', dicom_seg: 'datasets.dicom_seg',
  dicom_sr: 'datasets.dicom_sr', monai_datalist: 'datasets.monai_datalist', dicom: 'datasets.dicom',
} as const satisfies Record<string, TextKey>
type Format = keyof typeof FORMATS

interface Props {
  projectId: string
  isManager: boolean
}

export function DatasetsPanel({ projectId, isManager }: Props) {
  const queries = useQueryClient()
  const [name, setName] = useState('')
  const path = { project_id: projectId }
  const datasets = useQuery({
    queryKey: ['datasets', projectId],
    queryFn: () => good(api.GET('/api/v1/projects/{project_id}/datasets', { params: { path } })),
  })
  const freeze = useMutation({
    mutationFn: () =>
      good(api.POST('/api/v1/projects/{project_id}/datasets', { params: { path }, body: { name } })),
    onSuccess: () => {
      setName('')
      return queries.invalidateQueries({ queryKey: ['datasets', projectId] })
    },
    onError: showError,
  })
  return (
    <>
      {isManager && (
        <Group mb="md">
          <TextInput
            placeholder={t('datasets.name')}
            aria-label={t('datasets.name_of')}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Button loading={freeze.isPending} onClick={() => freeze.mutate()}>
            {t('datasets.freeze')}
          </Button>
        </Group>
      )}
      <Loaded query={datasets}>
        {(page) =>
          page.results.length === 0 ? (
            <Empty title={t('datasets.none')}>{t('datasets.none_help')}</Empty>
          ) : (
            <Table>
              <Table.Tbody>
                {page.results.map((dataset) => (
                  <DatasetRow key={dataset.id} dataset={dataset} isManager={isManager} />
                ))}
              </Table.Tbody>
            </Table>
          )
        }
      </Loaded>
    </>
  )
}

function DatasetRow({ dataset, isManager }: { dataset: Schemas['Dataset']; isManager: boolean }) {
  return (
    <Table.Tr data-testid={`dataset-${dataset.number}`}>
      <Table.Td>{dataset.number}</Table.Td>
      <Table.Td>
        <Anchor component={Link} to={`/datasets/${dataset.id}`} size="sm" aria-label={t('dataset.open', { name: dataset.name })}>{dataset.name}</Anchor>{' '}
        {dataset.is_for_round && (
          <Badge size="xs" variant="light">
            {t('datasets.round')}
          </Badge>
        )}
      </Table.Td>
      <Table.Td>{t('datasets.cases', { count: dataset.item_count })}</Table.Td>
      <Table.Td>
        <Hash of={dataset.sha256} />
      </Table.Td>
      <Table.Td>{isManager && <Exports datasetId={dataset.id} />}</Table.Td>
    </Table.Tr>
  )
}

function Exports({ datasetId }: { datasetId: string }) {
  const queries = useQueryClient()
  const path = { dataset_id: datasetId }
  const key = ['exports', datasetId]
  const exports = useQuery({
    queryKey: key,
    queryFn: () => good(api.GET('/api/v1/datasets/{dataset_id}/exports', { params: { path } })),
    refetchInterval: ({ state }) =>
      state.data?.some((e) => e.state === 'pending' || e.state === 'running') ? 1000 : false,
  })
  const request = useMutation({
    mutationFn: (format: Format) =>
      good(api.POST('/api/v1/datasets/{dataset_id}/exports', { params: { path }, body: { format } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: key }),
    onError: showError,
  })
  return (
    <Group gap="sm" justify="flex-end">
      {(exports.data ?? []).map((made) => (
        <ExportLink key={made.id} made={made} />
      ))}
      <Menu>
        <Menu.Target>
          <Button size="xs" variant="default">
            {t('datasets.export')}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {(Object.keys(FORMATS) as Format[]).map((format) => (
            <Menu.Item key={format} onClick={() => request.mutate(format)}>
              {t(FORMATS[format])}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    </Group>
  )
}

function ExportLink({ made }: { made: Schemas['Export'] }) {
  const name = t(FORMATS[made.format])
  if (made.state === 'completed') {
    return (
      <Anchor size="sm" href={`/api/v1/exports/${made.id}/file`} download>
        {name}
      </Anchor>
    )
  }
  const { done, total } = made.progress
  const progress = total ? ` ${done ?? 0}/${total}` : ''
  return (
    <Text size="sm" c={made.state === 'failed' ? 'red' : 'dimmed'}>
      {t('datasets.export_state', { name, state: named(`state.${made.state}`, made.state), progress })}
      {made.error !== '' && <Text span inherit display="block">{errorText(made)}</Text>}
    </Text>
  )
}
