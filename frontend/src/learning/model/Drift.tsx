/** Whether what arrives is still like what the model was trained and measured on, by month. */
import { Badge, Stack, Table, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { api, good, type Schemas } from '../../api/client'
import { formatDate, formatMonth, formatNumber, t } from '../../i18n'
import { figureText } from '../estimateText'
import { Asked } from './Asked'
import { Part } from './Part'

export function Drift({ id }: { id: string }) {
  const report = useQuery({
    queryKey: ['model', id, 'drift'],
    queryFn: () =>
      good(api.GET('/api/v1/model-versions/{model_version_id}/drift', { params: { path: { model_version_id: id } } })),
  })
  return (
    <Part title={t('model_page.drift')} help={t('model_page.drift_help')}>
      <Asked query={report}>
        {(found) => (
          <Stack gap="sm" data-testid="drift">
            <Text size="xs" c="dimmed">
              {t('model_page.drift_since', { date: formatDate(found.since), reference: found.reference, tested: found.tested })}
            </Text>
            <Inputs rows={found.inputs} hasEncoder={found.encoder !== null} />
            <Outputs rows={found.outputs} />
          </Stack>
        )}
      </Asked>
    </Part>
  )
}

function Inputs({ rows, hasEncoder }: { rows: Schemas['InputDrift'][]; hasEncoder: boolean }) {
  if (!hasEncoder) return <Text size="sm">{t('model_page.no_vectors')}</Text>
  if (rows.length === 0) return <Text size="sm">{t('model_page.no_inputs')}</Text>
  return (
    <div>
      <Title order={3} size="h5">{t('model_page.inputs')}</Title>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('model_page.month')}</Table.Th>
            <Table.Th>{t('model_page.scanner')}</Table.Th>
            <Table.Th>{t('model_page.cases')}</Table.Th>
            <Table.Th>{t('model_page.distance')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((one) => (
            <Table.Tr key={`${one.month} ${one.scanner ?? ''}`}>
              <Table.Td>{formatMonth(one.month)}</Table.Td>
              <Table.Td>
                {one.scanner ?? t('model_page.other_scanners')}
                {!one.is_known_scanner && one.scanner !== null && ` (${t('model_page.new_scanner')})`}
              </Table.Td>
              <Table.Td>{formatNumber(one.count)}</Table.Td>
              <Distance drift={one.drift} isReal={one.is_real} />
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  )
}

function Outputs({ rows }: { rows: Schemas['OutputDrift'][] }) {
  if (rows.length === 0) return <Text size="sm">{t('model_page.no_outputs')}</Text>
  return (
    <div>
      <Title order={3} size="h5">{t('model_page.outputs')}</Title>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('model_page.month')}</Table.Th>
            <Table.Th>{t('model_page.output')}</Table.Th>
            <Table.Th>{t('model_page.cases')}</Table.Th>
            <Table.Th>{t('model_page.distance')}</Table.Th>
            <Table.Th>{t('model_page.stability')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((one) => (
            <Table.Tr key={`${one.month} ${one.output} ${one.quantity}`}>
              <Table.Td>{formatMonth(one.month)}</Table.Td>
              <Table.Td>{outputText(one)}</Table.Td>
              <Table.Td>{formatNumber(one.count)}</Table.Td>
              <Distance drift={one.drift} isReal={one.is_real} />
              <Table.Td>{figureText(one.stability_index)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  )
}

/** The answer or structure, and of drawings what of it. */
function outputText({ output, quantity }: Schemas['OutputDrift']): string {
  if (quantity === 'number') return t('model_page.number')
  return quantity === 'probability' ? output : t(`model_page.quantity_${quantity}`, { name: output })
}

function Distance({ drift, isReal }: { drift: Schemas['Drift'] | null; isReal: boolean }) {
  if (drift === null) return <Table.Td c="dimmed">{t('model_page.too_few')}</Table.Td>
  return (
    <Table.Td>
      {`${figureText(drift.distance)} (p ${figureText(drift.p)}) `}
      {isReal && <Badge color="orange" variant="light">{t('model_page.drifted')}</Badge>}
    </Table.Td>
  )
}
