/** Takes somebody out of a project, after saying what becomes of their work. */
import { Button, Group, Modal, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { api, good, type Project, type Schemas } from '../api/client'
import { formatNumber, t } from '../i18n'
import { showError } from '../ui/notify'
import { minutesOf } from './projectSettings'

export function RemoveMember({ project, member: { user_id, username: name } }: { project: Project; member: Schemas['Member'] }) {
  const queries = useQueryClient()
  const [isOpen, { open, close }] = useDisclosure(false)
  const remove = useMutation({
    mutationFn: () =>
      good(api.DELETE('/api/v1/projects/{project_id}/members/{user_id}', { params: { path: { project_id: project.id, user_id } } })),
    onSuccess: () => {
      close()
      return queries.invalidateQueries({ queryKey: ['members', project.id] })
    },
    onError: showError,
  })
  const minutes = formatNumber(Math.ceil(minutesOf(project.lease_seconds)))
  return (
    <>
      <Button variant="default" size="xs" aria-label={t('people.remove_one', { name })} onClick={open}>{t('people.remove')}</Button>
      <Modal opened={isOpen} onClose={close} closeButtonProps={{ 'aria-label': t('ui.close') }} title={t('people.remove_title', { name })}>
        <Text size="sm" mb="md">{t('people.remove_help', { name, minutes })}</Text>
        <Group justify="flex-end">
          <Button variant="default" data-autofocus onClick={close}>{t('people.keep')}</Button>
          <Button color="red" loading={remove.isPending} onClick={() => remove.mutate()}>{t('people.remove')}</Button>
        </Group>
      </Modal>
    </>
  )
}
