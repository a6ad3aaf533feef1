/** Which slices a model's owner wants drawn, where not the whole series. */
import { Button, Group, Stack, Text } from '@mantine/core'
import { IconCheck } from '@tabler/icons-react'
import { t } from '../i18n'
import type { Place } from '../viewer/types'
import type { Workstation } from '../viewer/Workstation'
import { Section } from '../ui/Section'
import { keyed } from './actions'
import { isAt, type AskedSlice } from './askedSlices'
import { placeKey } from './edits'
import { releaseFocus } from './focus'
import { useAtRest } from './useMoving'

export interface AskedSlicesProps {
  slices: readonly AskedSlice[]
  workstation: Workstation | null
  onGo: (slice: AskedSlice) => void
}

export function AskedSlices({ slices, workstation, onGo }: AskedSlicesProps) {
  const here = useAtRest(workstation, placeOfActive, null)
  return (
    <Section title={t('asked.title')} count={slices.length}>
      <Stack gap={6} data-testid="asked-slices">
        <Text size="xs" c="dimmed">{t('asked.help')}</Text>
        <Group gap={4}>
          {slices.map((one) => (
            <Button
              key={placeKey(one)}
              {...keyed('asked_next')}
              size="compact-xs"
              variant={isAt(one, here) ? 'filled' : 'default'}
              aria-current={isAt(one, here) || undefined}
              aria-label={t(one.isDrawn ? 'asked.slice_drawn' : 'asked.slice', { slice: String(one.slice) })}
              leftSection={one.isDrawn && <IconCheck size="0.75rem" aria-hidden="true" />}
              onClick={releaseFocus(() => onGo(one))}
            >
              {one.slice}
            </Button>
          ))}
        </Group>
      </Stack>
    </Section>
  )
}

function placeOfActive({ state }: Workstation): Place | null {
  return state.panes[state.active]?.place ?? null
}
