/** The chain model, round, dataset, reads and images, by count and by hash; the dataset can be opened. */
import { Anchor, Table } from '@mantine/core'
import type { ReactNode } from 'react'
import { Link } from 'react-router'
import type { Schemas } from '../../api/client'
import { formatDate, named, t } from '../../i18n'
import { Hash } from '../../ui/Hash'
import { startText } from '../startText'

interface Props {
  version: Schemas['ModelVersion']
  lineage: Schemas['Lineage']
}

export function Lineage({ version, lineage: { origin, columns, round, dataset } }: Props) {
  return (
    <Table.ScrollContainer minWidth={560}>
      <Table data-testid="lineage" verticalSpacing={6}>
        <Table.Tbody>
          <Line name={t('model_page.weights')} hash={version.weights_sha256} />
          {origin !== '' && <Line name={t('model_page.origin')}>{origin}</Line>}
          {columns.length > 0 && <Line name={t('model_page.columns')}>{columns.join(', ')}</Line>}
          {round && (
            <Line name={t('model_page.round')}>
              {t('model_page.round_of', {
                number: round.number, strategy: named(`strategy.${round.strategy}`, round.strategy), seed: round.seed,
                labels: round.training_labels ?? 0, device: round.device || t('model_page.unknown_device'),
              })}
            </Line>
          )}
          {round?.started_from && (
            <Line name={t('model_page.start')} hash={round.started_from.sha256}>{startText(round.started_from.name)}</Line>
          )}
          {round && round.code_revision !== '' && <Line name={t('model_page.code')} hash={round.code_revision} />}
          {dataset && <DatasetLines dataset={dataset} />}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function DatasetLines({ dataset }: { dataset: Schemas['DatasetLine'] }) {
  const { id, number, cases, patients, frozen_at: frozen, schema_version: schema } = dataset
  return (
    <>
      <Line name={t('model_page.dataset')} hash={dataset.sha256}>
        <Anchor component={Link} to={`/datasets/${id}`} size="sm">
          {t('model_page.dataset_of', { number, date: formatDate(frozen), schema, cases, patients })}
        </Anchor>
      </Line>
      {dataset.splits.map((one) => (
        <Line key={one.split} name={named(`model_page.split_${one.split}`, one.split)}>
          <Anchor component={Link} to={`/datasets/${id}?split=${one.split}`} size="sm">
            {t('model_page.split_of', { cases: one.cases, patients: one.patients })}
          </Anchor>
        </Line>
      ))}
      <Line name={t('model_page.reads')} hash={dataset.reads_sha256}>{dataset.reads}</Line>
      <Line name={t('model_page.images')} hash={dataset.instances_sha256}>{dataset.instances}</Line>
    </>
  )
}

function Line({ name, hash, children }: { name: string; hash?: string; children?: ReactNode }) {
  return (
    <Table.Tr>
      <Table.Th scope="row" fw={400}>{name}</Table.Th>
      <Table.Td>{children}</Table.Td>
      <Table.Td>{hash !== undefined && <Hash of={hash} />}</Table.Td>
    </Table.Tr>
  )
}
