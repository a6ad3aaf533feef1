/** A button of the toolbar: icon, name and key on hover, and why it is off. */
import { ActionIcon, Tooltip } from '@mantine/core'
import { useCallbackRef } from '@mantine/hooks'
import type { Icon } from '@tabler/icons-react'
import { memo } from 'react'
import { t } from '../i18n'
import { actionOf, keyed, type ActionId, type Commands, type Reasons } from './actions'
import { releaseFocus } from './focus'
import { keysOf, type CustomKeys } from './keymap'
import { ariaKey, shownKey } from './keyText'
import classes from './reading.module.css'

export interface Doable {
  commands: Commands
  reasons: Reasons
  custom: CustomKeys
}

interface Props extends Doable {
  id: ActionId
  icon: Icon
  /** Set where the button stands for a state that is on or off. */
  isOn?: boolean | undefined
  /** Another name than the action's, where it says more ("Undo: draw a box"). */
  name?: string
}

export function ToolButton({ id, icon, isOn, name, commands, reasons, custom }: Props) {
  const action = actionOf(id)
  const [key = ''] = keysOf(action, custom)
  const command = commands[id]
  const press = useCallbackRef(command)
  const title = name ?? t(action.label)
  const why = command === undefined ? (reasons[id] || t('reason.not_now')) : ''
  const hint = why === '' ? t('toolbar.hint', { title, key: shownKey(key) }) : t('toolbar.hint_off', { title, why })
  return <Face id={id} icon={icon} isOn={isOn} isOff={command === undefined} title={title} hint={hint} shortcut={ariaKey(key)} press={press} />
}

interface FaceProps {
  id: ActionId
  icon: Icon
  isOn: boolean | undefined
  isOff: boolean
  title: string
  hint: string
  shortcut: string
  press: () => void
}

/** Forty of these stand in the toolbar: one is drawn anew only where something of it has changed. */
const Face = memo(({ id, icon: Picture, isOn, isOff, title, hint, shortcut, press }: FaceProps) => (
  <Tooltip label={hint} openDelay={300}>
    {/* Not `disabled`: a button that is off must still say why, to the mouse and to the keyboard. */}
    <ActionIcon
      className={classes.tool ?? ''}
      variant={isOn ? 'filled' : 'subtle'}
      color={isOn ? 'blue' : 'gray'}
      aria-label={isOff ? hint : title}
      aria-keyshortcuts={shortcut}
      aria-disabled={isOff || undefined}
      {...keyed(id)}
      {...(isOn === undefined ? {} : { 'aria-pressed': isOn })}
      onClick={releaseFocus(press)}
    >
      <Picture size="1.2rem" stroke={1.6} />
    </ActionIcon>
  </Tooltip>
))
