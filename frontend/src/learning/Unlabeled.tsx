/** Whether images without labels have helped a round, beside the same training without them. */
import { Text } from '@mantine/core'
import type { Schemas } from '../api/client'
import { t } from '../i18n'
import { besideText, unlabeledText } from './unlabeledText'

interface Props {
  found: Schemas['Unlabeled'] | undefined
  /** Whether the target has trained without them since. */
  isOff?: boolean
}

export function Unlabeled({ found, isOff = false }: Props) {
  if (found === undefined) return null
  const beside = besideText(found)
  return (
    <div data-testid="unlabeled" data-decision={found.decision}>
      <Text size="sm" mt={4}>{unlabeledText(found)}.{isOff && ` ${t('unlabeled.later')}`}</Text>
      {beside !== '' && <Text size="sm" c="dimmed">{beside}</Text>}
    </div>
  )
}
