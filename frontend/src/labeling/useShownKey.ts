/** The key of an action as it is written, for tooltips of controls that know nothing of keys otherwise. */
import { usePreferences } from '../app/usePreferences'
import { actionOf, type ActionId } from './actions'
import { keysOf } from './keymap'
import { shownKey } from './keyText'

/** Empty where the reader wants none. */
export function useShownKey(id: ActionId): string {
  const { keys: custom } = usePreferences()
  return shownKey(keysOf(actionOf(id), custom)[0] ?? '')
}
