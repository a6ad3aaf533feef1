import { Anchor, Badge, Button, Table, Text } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { api, good, type Round, type Schemas } from '../api/client'
import { named, t } from '../i18n'
import { showError } from '../ui/notify'
import { Loaded } from '../ui/states'
import { estimateText } from './estimateText'
import { REFRESH_MS } from './jobState'

interface Props {
  target: Schemas['Target']
  newest: Round | undefined
  isManager: boolean
  onChange: () => unknown
}

/** The models of a target, and which of them its project uses. */
export function ModelVersions({ target, newest, isManager, onChange }: Props) {
  const versions = useQuery({
    queryKey: ['models', target.id, newest?.id, newest?.state],
    queryFn: () =>
      good(api.GET('/api/v1/targets/{target_id}/model-versions', { params: { path: { target_id: target.id } } })),
    refetchInterval: ({ state }) => (state.data?.some((row) => row.is_taking_over) ? REFRESH_MS : false),
  })
  const promote = useMutation({
    mutationFn: (id: string) =>
      good(
        api.POST('/api/v1/model-versions/{model_version_id}/promotion', {
          params: { path: { model_version_id: id } },
        }),
      ),
    onSuccess: async () => {
      await versions.refetch()
      onChange()
    },
    onError: showError,
  })
  return (
    <Loaded query={versions}>
      {(rows) => (
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('learning.model')}</Table.Th>
              <Table.Th>{t('learning.labels')}</Table.Th>
              <Table.Th>{t('learning.test_figure_interval', { figure: t(`figure.${target.figure}`) })}</Table.Th>
              <Table.Th aria-label={t('learning.state')} />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((row) => (
              <Table.Tr key={row.id}>
                <Table.Td>
                  <Anchor component={Link} to={`/models/${row.id}`} size="sm">{t('model_page.open', { number: row.number })}</Anchor>
                </Table.Td>
                <Table.Td>{row.training_labels}</Table.Td>
                <Table.Td>
                  {estimateText(row.metrics[target.figure], t(row.origin === '' ? 'learning.no_test_reads' : 'learning.not_measured'))}
                  {row.metrics.n !== undefined && <Text size="xs" c="dimmed">{t('learning.of_test_cases', { count: row.metrics.n })}</Text>}
                </Table.Td>
                <Table.Td ta="right">
                  {row.state === 'candidate' && row.verdict !== '' && <Text size="xs" c="dimmed">{named(`verdict.${row.verdict}`, row.verdict)}</Text>}
                  {row.is_taking_over ? (
                    <Badge variant="light" color="yellow">{t('model.taking_over')}</Badge>
                  ) : row.state === 'production' || !isManager ? (
                    <Badge variant="light">{named(`model.${row.state}`, row.state)}</Badge>
                  ) : (
                    <Button
                      size="compact-xs"
                      variant="default"
                      loading={promote.isPending && promote.variables === row.id}
                      onClick={() => promote.mutate(row.id)}
                    >
                      {t(row.state === 'retired' ? 'learning.roll_back' : 'learning.promote')}
                    </Button>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Loaded>
  )
}
