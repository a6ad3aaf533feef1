/** Whether the model serves everybody: its figure by sex, age, scanner, site, view, or any DICOM keyword. */
import { Badge, Group, Select, Stack, Table, TagsInput, Text } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, good, type Schemas } from '../../api/client'
import { formatNumber, named, t } from '../../i18n'
import { estimateText } from '../estimateText'
import { Asked } from './Asked'
import { Part } from './Part'
import { isUntold } from './untold'

const NAMED = ['sex', 'age', 'scanner', 'site', 'view']
const MOST = 6

export function Subgroups({ id, deciding }: { id: string; deciding: string }) {
  const [attributes, setAttributes] = useState(NAMED)
  const [figure, setFigure] = useState(deciding)
  const report = useQuery({
    queryKey: ['model', id, 'subgroups', attributes, figure],
    placeholderData: keepPreviousData,
    queryFn: () =>
      good(
        api.GET('/api/v1/model-versions/{model_version_id}/subgroups', {
          params: { path: { model_version_id: id }, query: { attribute: attributes, figure } },
        }),
      ),
  })
  const figures = report.data?.figures ?? [deciding]
  return (
    <Part title={t('model_page.subgroups')} help={t('model_page.subgroups_help')}>
      <Group align="flex-start" mb="sm">
        <TagsInput
          label={t('model_page.attributes')} size="xs" style={{ flexGrow: 1 }} data={NAMED} value={attributes}
          maxTags={MOST} onChange={setAttributes}
        />
        <Select
          label={t('model_page.figure')} size="xs" value={figure} allowDeselect={false}
          data={figures.map((value) => ({ value, label: named(`figure.${value}`, value) }))}
          onChange={(value) => value && setFigure(value)}
        />
      </Group>
      <Asked query={report}>{(found) => <Report report={found} />}</Asked>
    </Part>
  )
}

function Report({ report }: { report: Schemas['Subgroups'] }) {
  const { groups, hidden, least_patients: least } = report
  return (
    <Stack gap="xs" data-testid="subgroups">
      {groups.length === 0 ? <Text size="sm">{t('model_page.no_groups', { least })}</Text> : <Groups groups={groups} />}
      {groups.some(isUntold) && <Text size="xs" c="dimmed">{t('model_page.few_help', { least })}</Text>}
      {hidden.map((one) => {
        const parts = [
          one.groups > 0 ? t('model_page.hidden', { count: one.groups, cases: one.cases, least }) : '',
          one.unknown > 0 ? t('model_page.unknown', { count: one.unknown }) : '',
        ].filter((part) => part !== '')
        if (parts.length === 0) return null
        return (
          <Text key={one.attribute} size="xs" c="dimmed">
            {`${named(`attribute.${one.attribute}`, one.attribute)}: ${parts.join('; ')}`}
          </Text>
        )
      })}
    </Stack>
  )
}

function Groups({ groups }: { groups: Schemas['Group'][] }) {
  return (
    <Table.ScrollContainer minWidth={640}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('model_page.attribute')}</Table.Th>
            <Table.Th>{t('model_page.group')}</Table.Th>
            <Table.Th>{t('model_page.cases_patients')}</Table.Th>
            <Table.Th>{t('model_page.estimate')}</Table.Th>
            <Table.Th>{t('model_page.gap')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {groups.map((one) => (
            <Table.Tr key={`${one.attribute} ${one.value}`}>
              <Table.Td>{named(`attribute.${one.attribute}`, one.attribute)}</Table.Td>
              <Table.Th scope="row" fw={400}>{one.value}</Table.Th>
              <Table.Td>{`${formatNumber(one.count)} / ${formatNumber(one.patients)}`}</Table.Td>
              <Table.Td>{estimateText(one.estimate)}</Table.Td>
              <Table.Td>
                <Group gap="xs">
                  {estimateText(one.gap)}
                  {one.is_worse && <Badge color="orange" variant="light">{t('model_page.worse')}</Badge>}
                  {isUntold(one) && <Text size="xs" c="dimmed">{t('model_page.few')}</Text>}
                </Group>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}
