/** What a manager does about one mark. */
import { Button, Group, Menu, Text } from '@mantine/core'
import type { Schemas } from '../api/client'
import { t } from '../i18n'
import { keyed } from '../labeling/actions'
import type { MarkActs, MarkRow } from './useMarks'

interface Props {
  mark: MarkRow
  acts: MarkActs
  members: readonly Schemas['Member'][]
}

export function MarkActions({ mark, acts, members }: Props) {
  const isResolved = mark.resolved_at !== null
  return (
    <Group gap={6} justify="flex-end">
      {mark.handovers.map(({ reader_id, reader_name }) => (
        <Button key={reader_id} {...keyed('mark_withdraw')} size="compact-xs" variant="subtle" color="gray" disabled={acts.isBusy} onClick={() => acts.withdraw(mark, reader_id)}>
          {t('marks.withdraw', { name: reader_name })}
        </Button>
      ))}
      <GiveMenu mark={mark} acts={acts} members={members} />
      <Button {...keyed('mark_remove')} size="compact-xs" variant="default" disabled={acts.isBusy} onClick={() => acts.remove(mark)}>
        {t(mark.kind === 'skip' ? 'marks.return' : 'marks.remove')}
      </Button>
      <Button {...keyed('mark_resolve')} size="compact-xs" variant="default" disabled={acts.isBusy} onClick={() => acts.settle(mark, !isResolved)}>
        {t(isResolved ? 'marks.reopen' : 'marks.resolve')}
      </Button>
    </Group>
  )
}

function GiveMenu({ mark, acts, members }: Props) {
  const given = new Set(mark.handovers.map(({ reader_id }) => reader_id))
  const others = members.filter(({ user_id }) => !given.has(user_id) && (mark.kind === 'skip' || user_id !== mark.author))
  return (
    <Menu>
      <Menu.Target>
        <Button {...keyed('mark_give')} size="compact-xs" variant="default" disabled={acts.isBusy || others.length === 0} aria-label={t('marks.give_to', { case: nameOfCase(mark) })}>
          {t('marks.give')}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {others.map(({ user_id, username, role }) => (
          <Menu.Item key={user_id} onClick={() => acts.give(mark, user_id)} rightSection={<Text size="xs" c="dimmed">{t(`role.${role}`)}</Text>}>
            {username}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}

/** What a case is called in lists; the study's UID where the patient is hidden. */
export function nameOfCase({ patient_id, study_instance_uid }: Pick<MarkRow, 'patient_id' | 'study_instance_uid'>): string {
  return patient_id || `…${study_instance_uid.slice(-12)}`
}
