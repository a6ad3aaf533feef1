/** Finds actions among the many by a part of their name, or by a key. */
import { Text, TextInput } from '@mantine/core'
import { t } from '../i18n'
import { ACTIONS, GROUPS, type Action, type Group } from './actions'
import type { CustomKeys } from './keymap'
import { isFound } from './keyText'

interface Props {
  value: string
  onChange: (wanted: string) => void
}

export function KeySearch({ value, onChange }: Props) {
  return (
    <TextInput type="search" size="xs" data-autofocus aria-label={t('keys.search')} placeholder={t('keys.search')} value={value}
      onChange={(event) => onChange(event.currentTarget.value)} />
  )
}

export function NothingFound() {
  return (
    <Text size="sm" c="dimmed" role="status">
      {t('keys.none')}
    </Text>
  )
}

/** The groups that hold something that is looked for, with it. */
export function foundIn(custom: CustomKeys, wanted: string): { group: Group; actions: readonly Action[] }[] {
  return GROUPS
    .map((group) => ({ group, actions: ACTIONS.filter((action) => action.group === group && isFound(action, custom, wanted)) }))
    .filter(({ actions }) => actions.length > 0)
}
