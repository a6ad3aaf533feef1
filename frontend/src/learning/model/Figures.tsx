/** The figures of the locked test set, the deciding one first, and those of each finding or structure. */
import { Table, Text } from '@mantine/core'
import type { Schemas } from '../../api/client'
import { named, t } from '../../i18n'
import { estimateText, figureText, NOTHING } from '../estimateText'
import { Part } from './Part'

export function Figures({ detail }: { detail: Schemas['ModelDetail'] }) {
  const { figures, labels, deciding, n, patients, absent_because: reason } = detail
  const { threshold, classes, origin } = detail.version
  return (
    <Part title={t('model_page.figures')} help={origin === '' ? t('model_page.figures_help', { cases: n, patients }) : t('model_page.not_measured')}>
      {reason !== null && <Text size="sm" mb="xs" role="status">{named(`model_page.absent_${reason}`, reason)}</Text>}
      {figures.length > 0 && (
        <Table data-testid="model-figures">
          <Table.Tbody>
            {figures.map(({ name, estimate }) => (
              <Table.Tr key={name} fw={name === deciding ? 700 : undefined}>
                <Table.Th scope="row" fw="inherit">{named(`figure.${name}`, name)}</Table.Th>
                <Table.Td ta="right">{estimateText(estimate)}</Table.Td>
              </Table.Tr>
            ))}
            {threshold !== null && (
              <Table.Tr>
                <Table.Th scope="row" fw="inherit">{t('model_page.called_from', { answer: classes.at(-1) ?? '' })}</Table.Th>
                <Table.Td ta="right">{figureText(threshold)}</Table.Td>
              </Table.Tr>
            )}
          </Table.Tbody>
        </Table>
      )}
      {labels.length > 0 && <Labels labels={labels} />}
    </Part>
  )
}

function Labels({ labels }: { labels: Schemas['LabelFigures'][] }) {
  const names = [...new Set(labels.flatMap((label) => label.figures.map((figure) => figure.name)))]
  const hasMissed = labels.some(({ missed }) => missed !== null) // no distance can be told of what was not drawn at all
  const hasThreshold = labels.some(({ threshold }) => threshold !== null)
  return (
    <Table.ScrollContainer minWidth={420} mt="md">
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('model_page.label')}</Table.Th>
            <Table.Th>{t('model_page.positives')}</Table.Th>
            {hasMissed && <Table.Th>{t('model_page.missed')}</Table.Th>}
            {hasThreshold && <Table.Th>{t('model_page.threshold')}</Table.Th>}
            {names.map((name) => <Table.Th key={name}>{named(`figure.${name}`, name)}</Table.Th>)}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {labels.map((label) => (
            <Table.Tr key={label.name}>
              <Table.Th scope="row" fw={400}>{label.name}</Table.Th>
              <Table.Td>{label.positives}</Table.Td>
              {hasMissed && <Table.Td>{label.missed ?? NOTHING}</Table.Td>}
              {hasThreshold && <Table.Td>{figureText(label.threshold)}</Table.Td>}
              {names.map((name) => (
                <Table.Td key={name}>{estimateText(label.figures.find((figure) => figure.name === name)?.estimate)}</Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}
