/** The way back from a dataset: the rounds that learned from it, their models, and its cross-validations. */
import { Anchor, Badge, Group, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { Link } from 'react-router'
import type { Schemas } from '../api/client'
import { formatDate, named, t } from '../i18n'
import { targetName } from '../labeling/targetText'

export function Uses({ uses: { rounds, cross_validations: folds } }: { uses: Schemas['DatasetUses'] }) {
  if (rounds.length + folds.length === 0) return <Text size="sm" c="dimmed">{t('dataset.unused')}</Text>
  return (
    <Stack gap="xs" data-testid="uses">
      {rounds.map((round) => (
        <Use key={round.id} use={round} name={t('dataset.round_of', { number: round.number, target: nameOf(round) })}>
          {round.model_version && <Model version={round.model_version} />}
        </Use>
      ))}
      {folds.map((run) => <Use key={run.id} use={run} name={t('dataset.folds_of', { target: nameOf(run) })} />)}
    </Stack>
  )
}

function Use({ use, name, children }: { use: Schemas['DatasetUse']; name: string; children?: ReactNode }) {
  return (
    <Group gap="sm">
      <Text size="sm">{name}</Text>
      <Badge size="xs" variant="light">{named(`state.${use.state}`, use.state)}</Badge>
      {children}
      <Text size="xs" c="dimmed">{formatDate(use.created_at)}</Text>
    </Group>
  )
}

function Model({ version }: { version: Schemas['TrainedModel'] }) {
  return (
    <>
      <Anchor component={Link} to={`/models/${version.id}`} size="sm">{t('dataset.model', { number: version.number })}</Anchor>
      <Badge size="xs" variant="light">{t(`model.${version.state}`)}</Badge>
    </>
  )
}

function nameOf({ target_kind: kind, target_labels: labels }: Schemas['DatasetUse']): string {
  return targetName({ kind, labels })
}
