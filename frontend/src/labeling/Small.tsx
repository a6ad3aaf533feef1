/** A small button beside what it acts on: an icon whose tooltip tells the action and its key. */
import { ActionIcon, Tooltip } from '@mantine/core'
import type { ReactNode } from 'react'
import { t } from '../i18n'
import { keyed, type ActionId } from './actions'
import { releaseFocus } from './focus'
import { useShownKey } from './useShownKey'

interface Props {
  action: ActionId
  /** Whether the key would act on this one; only then the tooltip tells it. */
  isInHand: boolean
  label: string
  onPress: () => void
  isDisabled?: boolean
  children: ReactNode
}

export function Small({ action, isInHand, label, onPress, isDisabled = false, children }: Props) {
  const key = useShownKey(action)
  return (
    <Tooltip label={isInHand && key !== '' ? t('toolbar.hint', { title: label, key }) : label}>
      <ActionIcon {...keyed(action)} size="sm" variant="subtle" color="gray" aria-label={label} disabled={isDisabled} onClick={releaseFocus(onPress)}>
        {children}
      </ActionIcon>
    </Tooltip>
  )
}
