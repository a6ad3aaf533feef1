/** What is wrong and where, with a way to get there. */
import { Anchor, List, Text } from '@mantine/core'
import { useState } from 'react'
import { t } from '../i18n'
import { keyed } from './actions'
import type { Amiss, Target } from './amiss'

const MAX_SHOWN = 8

interface Props {
  found: readonly Amiss[]
  onGo: (target: Target) => void
}

export function AmissList({ found, onGo }: Props) {
  const [at, setAt] = useState<number | null>(null)
  if (found.length === 0) return null
  const more = found.length - MAX_SHOWN
  return (
    <List size="sm" mt="xs" spacing={2} data-testid="amiss">
      {found.slice(0, MAX_SHOWN).map(({ where, what, target }, index) => (
        <List.Item key={where + what}>
          {target === null ? where : (
            <Anchor
              {...keyed('amiss_next')}
              component="button"
              type="button"
              size="sm"
              aria-current={at === index || undefined}
              onClick={() => {
                setAt(index)
                onGo(target)
              }}
            >
              {where}
            </Anchor>
          )}
          {where && ': '}
          {what}
        </List.Item>
      ))}
      {more > 0 && <Text size="sm">{t('amiss.more', { count: more })}</Text>}
    </List>
  )
}
