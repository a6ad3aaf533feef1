/** Every round of a target, also those that failed or were cancelled: figures, recipe and curve. */
import { Alert, Badge, Button, Code, Drawer, Group, Stack, Table, Text, Title } from '@mantine/core'
import { useState } from 'react'
import type { Round, Schemas } from '../api/client'
import { errorText } from '../api/saidText'
import { formatDate, named, t } from '../i18n'
import { targetName } from '../labeling/targetText'
import { estimateText, NOTHING } from './estimateText'
import { phaseOf } from './jobState'
import { LossCurve } from './LossCurve'
import { RoundRecord } from './RoundRecord'
import { Unlabeled } from './Unlabeled'

interface Props {
  rounds: readonly Round[]
  target: Schemas['Target']
}

export function Runs({ rounds, target }: Props) {
  const [isOpen, open] = useState(false)
  const [chosen, choose] = useState<string | null>(null)
  const round = rounds.find(({ id }) => id === chosen)
  return (
    <>
      <Button mt="xs" size="compact-sm" variant="subtle" onClick={() => open(true)}>
        {t('runs.show', { count: rounds.length })}
      </Button>
      <Drawer opened={isOpen} onClose={() => open(false)} closeButtonProps={{ 'aria-label': t('ui.close') }} position="right" size="xl" title={t('runs.title', { name: targetName(target) })}>
        <Stack data-testid="runs">
          <RunTable rounds={rounds} figure={target.figure} onChoose={choose} />
          {round && <Run round={round} />}
        </Stack>
      </Drawer>
    </>
  )
}

interface TableProps {
  rounds: readonly Round[]
  figure: Schemas['Target']['figure']
  onChoose: (id: string) => void
}

function RunTable({ rounds, figure, onChoose }: TableProps) {
  const heads = [t('runs.round'), t('learning.state'), t('learning.strategy'), t('learning.labels'), t(`figure.${figure}`), t('runs.began'), t('runs.ended')]
  return (
    <Table.ScrollContainer minWidth={640}>
      <Table>
        <Table.Thead>
          <Table.Tr>{heads.map((head) => <Table.Th key={head}>{head}</Table.Th>)}</Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rounds.map((round) => (
            <Table.Tr key={round.id}>
              <Table.Td>
                <Button size="compact-xs" variant="default" aria-label={t('runs.open', { number: round.number })} onClick={() => onChoose(round.id)}>
                  {round.number}
                </Button>
              </Table.Td>
              <Table.Td>{named(`state.${phaseOf(round)}`, phaseOf(round))}</Table.Td>
              <Table.Td>{named(`strategy.${round.strategy}`, round.strategy)}</Table.Td>
              <Table.Td>{round.training_labels ?? NOTHING}</Table.Td>
              <Table.Td>{estimateText(round.metrics[figure])}</Table.Td>
              <Table.Td>{round.started_at ? formatDate(round.started_at) : NOTHING}</Table.Td>
              <Table.Td>{round.finished_at ? formatDate(round.finished_at) : NOTHING}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function Run({ round }: { round: Round }) {
  const about = [
    round.dataset_number == null ? '' : t('runs.dataset', { number: round.dataset_number }),
    t('runs.seed', { seed: String(round.seed) }),
    t('runs.code', { revision: round.code_revision.slice(0, 12) }),
  ]
  return (
    <Stack gap="xs" data-testid="run" data-number={round.number}>
      <Group>
        <Title order={3} size="h4">{t('learning.round', { number: round.number })}</Title>
        <Badge variant="light">{named(`state.${phaseOf(round)}`, phaseOf(round))}</Badge>
      </Group>
      {round.error !== '' && <Alert color="red">{errorText(round)}</Alert>}
      <Text size="sm" c="dimmed">{about.filter((part) => part !== '').join(', ')}</Text>
      <RoundRecord round={round} />
      <Unlabeled found={round.metrics.unlabeled} />
      {round.curves.length > 1 ? <LossCurve curves={round.curves} /> : <Text size="sm" c="dimmed">{t('runs.no_losses')}</Text>}
      <Title order={4} size="h5">{t('runs.recipe')}</Title>
      <Code block>{JSON.stringify(round.config, null, 2)}</Code>
    </Stack>
  )
}
