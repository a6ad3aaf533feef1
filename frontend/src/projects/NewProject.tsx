/** A new project: its name and a first question; whoever makes it manages it. */
import { Alert, Button, Group, Modal, NumberInput, Stack, Switch, TagsInput, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from 'react-router'
import { api, good } from '../api/client'
import { refusalOf } from '../api/refusedFields'
import { t } from '../i18n'
import { MOST_READERS, projectPage } from './projectSettings'
import { firstQuestion } from './schemaDraft'

interface Wanted {
  name: string
  question: string
  answers: string[]
  readers: number | string
  review: boolean
}

export function NewProject({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient()
  const navigate = useNavigate()
  const form = useForm<Wanted>({
    initialValues: {
      name: '', question: t('new_project.first_question'), answers: t('new_project.first_answers').split(', '), readers: 1, review: false,
    },
    validate: { answers: (answers) => (answers.length < 2 ? t('new_project.few_answers') : null) },
  })
  const create = useMutation({
    mutationFn: ({ name, question, answers, readers, review }: Wanted) =>
      good(
        api.POST('/api/v1/projects', {
          body: {
            name, definition: { questions: [firstQuestion(question, answers)] }, readers_per_case: Number(readers), requires_review: review,
          },
        }),
      ),
    onSuccess: async ({ id, name }) => {
      await queries.invalidateQueries({ queryKey: ['projects'] })
      notifications.show({ message: t('new_project.created', { name }), closeButtonProps: { 'aria-label': t('ui.close') } })
      void navigate(projectPage(id, 'schema'))
    },
  })
  const { fields, rest } = refusalOf(create.error, ['name', 'readers_per_case'])
  return (
    <Modal opened onClose={onClose} closeButtonProps={{ 'aria-label': t('ui.close') }} title={t('new_project.title')}>
      <form onSubmit={form.onSubmit((values) => create.mutate(values))}>
        <Stack>
          <TextInput label={t('new_project.name')} required maxLength={120} data-autofocus {...form.getInputProps('name')} error={fields.name} />
          <TextInput label={t('new_project.question')} description={t('new_project.question_help')} required {...form.getInputProps('question')} />
          <TagsInput label={t('new_project.answers')} description={t('new_project.answers_help')} {...form.getInputProps('answers')} />
          <NumberInput label={t('settings.readers')} required min={1} max={MOST_READERS} allowDecimal={false} {...form.getInputProps('readers')} error={fields.readers_per_case} />
          <Switch label={t('settings.review')} {...form.getInputProps('review', { type: 'checkbox' })} />
          {rest && <Alert color="red" role="alert">{rest.message}</Alert>}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>{t('ui.cancel')}</Button>
            <Button type="submit" loading={create.isPending}>{t('new_project.create')}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
