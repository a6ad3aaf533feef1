/** Gives actions other keys: press the new one; what is taken is refused with its owner's name. */
import { Button, Group, Kbd, Stack, Table, Text, Title } from '@mantine/core'
import { useState, type KeyboardEvent } from 'react'
import { t } from '../i18n'
import { actionOf, type Action, type ActionId } from './actions'
import { foundIn, KeySearch, NothingFound } from './KeySearch'
import { keysOf, nameOf, refusalOf, refusalOfRestoring, type AnswerKey, type CustomKeys, type Refusal } from './keymap'
import { shownKey } from './keyText'

interface Props {
  custom: CustomKeys
  /** The answers of the schema that is open; empty outside a project. */
  answers: readonly AnswerKey[]
  onChange: (custom: CustomKeys) => void
}

interface Listening {
  id: ActionId
  refused: { key: string; why: Refusal } | null
}

export function KeySettings({ custom, answers, onChange }: Props) {
  const [wanted, setWanted] = useState('')
  const found = foundIn(custom, wanted)
  const [listening, setListening] = useState<Listening | null>(null)
  const press = (id: ActionId, event: KeyboardEvent<HTMLElement>) => {
    const key = nameOf({ ...modifiersOf(event), getModifierState: (name) => event.getModifierState(name as 'AltGraph') })
    if (key === null || key === 'Tab' || key === 'Shift+Tab') return
    event.preventDefault()
    event.stopPropagation()
    if (key === 'Escape' && id !== 'cancel') {
      setListening(null)
      return
    }
    const why = refusalOf(id, key, custom, answers)
    if (why === null) onChange({ ...custom, [id]: key })
    setListening(why === null ? null : { id, refused: { key, why } })
  }
  const restore = (id: ActionId) => {
    const refused = refusalOfRestoring(actionOf(id), custom)
    if (refused) setListening({ id, refused })
    else onChange(Object.fromEntries(Object.entries(custom).filter(([other]) => other !== id)))
  }
  return (
    <Stack>
      <Group justify="space-between">
        <KeySearch value={wanted} onChange={setWanted} />
        <Button size="xs" variant="default" disabled={Object.keys(custom).length === 0} onClick={() => onChange({})}>
          {t('keys.restore_all')}
        </Button>
      </Group>
      {found.length === 0 && <NothingFound />}
      {found.map(({ group, actions }) => (
        <section key={group}>
          <Title order={3} size="h5">
            {t(`group.${group}`)}
          </Title>
          <Table verticalSpacing={4}>
            <Table.Tbody>
              {actions.map((action) => (
                <KeyRow
                  key={action.id}
                  action={action}
                  custom={custom}
                  listening={listening?.id === action.id ? listening : null}
                  onListen={(isOn) => setListening(isOn ? { id: action.id, refused: null } : null)}
                  onPress={(event) => press(action.id, event)}
                  onRestore={() => restore(action.id)}
                />
              ))}
            </Table.Tbody>
          </Table>
        </section>
      ))}
    </Stack>
  )
}

function modifiersOf({ key, code, ctrlKey, shiftKey, altKey, metaKey }: KeyboardEvent) {
  return { key, code, ctrlKey, shiftKey, altKey, metaKey }
}

interface RowProps {
  action: Action
  custom: CustomKeys
  listening: Listening | null
  onListen: (isOn: boolean) => void
  onPress: (event: KeyboardEvent<HTMLElement>) => void
  onRestore: () => void
}

function KeyRow({ action, custom, listening, onListen, onPress, onRestore }: RowProps) {
  const title = t(action.label)
  const isOwn = custom[action.id] !== undefined
  const refused = listening?.refused
  return (
    <Table.Tr data-action={action.id}>
      <Table.Td>{title}</Table.Td>
      <Table.Td>
        {keysOf(action, custom).map((key) => (
          <Kbd key={key} mr={4}>
            {shownKey(key)}
          </Kbd>
        ))}
        {refused && (
          <Text size="xs" c="orange" role="alert">
            {t('keys.refused', { key: shownKey(refused.key), why: whyText(refused.why) })}
          </Text>
        )}
      </Table.Td>
      <Table.Td ta="right" style={{ whiteSpace: 'nowrap' }}>
        <Button
          size="compact-xs"
          variant={listening ? 'filled' : 'default'}
          aria-label={t(listening ? 'keys.press_for' : 'keys.change_for', { action: title })}
          onClick={() => onListen(!listening)}
          onKeyDown={(event) => listening && onPress(event)}
          onBlur={() => listening && onListen(false)}
        >
          {t(listening ? 'keys.press' : 'keys.change_one')}
        </Button>
        <Button size="compact-xs" variant="subtle" ml={4} disabled={!isOwn} aria-label={t('keys.restore_for', { action: title })} onClick={onRestore}>
          {t('keys.restore')}
        </Button>
      </Table.Td>
    </Table.Tr>
  )
}

function whyText(why: Refusal): string {
  switch (why.kind) {
    case 'browser':
      return t('keys.why_browser')
    case 'answers':
      return t('keys.why_answers')
    case 'answer':
      return t('keys.why_answer', { answer: why.label })
    case 'action':
      return t('keys.why_action', { action: t(actionOf(why.action).label) })
  }
}
