/** All keys on one page, made from the list of actions; keys can be changed here too. */
import { Button, Group, Kbd, Modal, Stack, Text, Title } from '@mantine/core'
import { useState } from 'react'
import { t } from '../i18n'
import { actionOf, type Action } from './actions'
import { hiddenByAnswers, keysOf, type AnswerKey, type CustomKeys } from './keymap'
import { foundIn, KeySearch, NothingFound } from './KeySearch'
import { KeySettings } from './KeySettings'
import { shownKey } from './keyText'
import classes from './reading.module.css'

interface Props {
  isOpen: boolean
  onClose: () => void
  custom: CustomKeys
  answers: readonly AnswerKey[]
  /** Absent where keys cannot be kept. */
  onChange?: (custom: CustomKeys) => void
}

export function CheatSheet({ isOpen, onClose, custom, answers, onChange }: Props) {
  const [isEditing, setEditing] = useState(false)
  const [pointerKey] = keysOf(actionOf('pointer'), custom)
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      size="80rem"
      title={t('keys.title')}
      closeButtonProps={{ 'aria-label': t('ui.close') }}
    >
      <Stack>
        <Group justify="space-between" align="start">
          <Stack gap="xs" maw="46rem">
            <Text size="sm" c="dimmed">
              {t('keys.mouse')}
            </Text>
            {pointerKey !== undefined && (
              <Text size="sm" c="dimmed">
                {t('keys.pointer', { key: shownKey(pointerKey) })}
              </Text>
            )}
          </Stack>
          {onChange && (
            <Button size="xs" variant="default" onClick={() => setEditing(!isEditing)}>
              {t(isEditing ? 'keys.show' : 'keys.change')}
            </Button>
          )}
        </Group>
        {isEditing && onChange ? (
          <KeySettings custom={custom} answers={answers} onChange={onChange} />
        ) : (
          <Groups custom={custom} answers={answers} />
        )}
      </Stack>
    </Modal>
  )
}

function Groups({ custom, answers }: { custom: CustomKeys; answers: readonly AnswerKey[] }) {
  const [wanted, setWanted] = useState('')
  const hidden = hiddenByAnswers(custom, answers)
  const found = foundIn(custom, wanted)
  return (
    <>
      <KeySearch value={wanted} onChange={setWanted} />
      {found.length === 0 && <NothingFound />}
      <div className={classes.sheet}>
        {found.map(({ group, actions }) => (
          <section key={group} className={classes.sheetGroup}>
            <Title order={3} size="h5">
              {t(`group.${group}`)}
            </Title>
            {actions.map((action) => (
              <Row key={action.id} action={action} custom={custom} taken={hidden.get(action.id)} />
            ))}
          </section>
        ))}
        {answers.length > 0 && wanted === '' && (
          <section className={classes.sheetGroup}>
            <Title order={3} size="h5">
              {t('keys.answers')}
            </Title>
            {answers.map((answer) => (
              <div key={`${answer.question} ${answer.option}`} className={classes.sheetRow}>
                <span>{answer.label}</span>
                <Kbd>{shownKey(answer.key)}</Kbd>
              </div>
            ))}
          </section>
        )}
      </div>
    </>
  )
}

function Row({ action, custom, taken }: { action: Action; custom: CustomKeys; taken: AnswerKey | undefined }) {
  return (
    <div className={classes.sheetRow}>
      <span>
        {t(action.label)}
        {taken && (
          <Text size="xs" c="orange">
            {t('keys.taken_by_answer', { answer: taken.label })}
          </Text>
        )}
      </span>
      <span>
        {keysOf(action, custom).map((key) => (
          <Kbd key={key} ml={4}>
            {shownKey(key)}
          </Kbd>
        ))}
      </span>
    </div>
  )
}
