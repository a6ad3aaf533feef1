/** How a project works: readers, review, leases, random audits. For managers. */
import { Alert, Button, NumberInput, Stack, Switch } from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { api, good, type Project } from '../api/client'
import { refusalOf } from '../api/refusedFields'
import { decimalSign, t } from '../i18n'
import { changesOf, draftOf, MOST_MINUTES, MOST_READERS, type SettingsDraft } from './projectSettings'

export function SettingsPanel({ project }: { project: Project }) {
  const queries = useQueryClient()
  const form = useForm<SettingsDraft>({ initialValues: draftOf(project) })
  const save = useMutation({
    mutationFn: (draft: SettingsDraft) =>
      good(api.PATCH('/api/v1/projects/{project_id}', { params: { path: { project_id: project.id } }, body: changesOf(project, draft) })),
    onSuccess: (changed) => {
      queries.setQueryData(['project', project.id], changed)
      form.setValues(draftOf(changed))
      notifications.show({ message: t('settings.saved'), closeButtonProps: { 'aria-label': t('ui.close') } })
      return queries.invalidateQueries()
    },
  })
  const { fields, rest } = refusalOf(save.error, ['readers_per_case', 'lease_seconds', 'control_share'])
  const isChanged = Object.keys(changesOf(project, form.values)).length > 0
  return (
    <form data-testid="settings" onSubmit={form.onSubmit((draft) => save.mutate(draft))}>
      <Stack maw="30rem" gap="lg">
        <NumberInput label={t('settings.readers')} description={t('settings.readers_help')} required allowDecimal={false}
          min={project.readers_per_case} max={MOST_READERS} {...form.getInputProps('readers_per_case')} error={fields.readers_per_case} />
        <Switch label={t('settings.review')} description={t('settings.review_help')} {...form.getInputProps('requires_review', { type: 'checkbox' })} />
        <NumberInput label={t('settings.lease')} description={t('settings.lease_help')} required decimalScale={1} decimalSeparator={decimalSign()}
          min={Math.min(1, draftOf(project).lease_minutes as number)} max={MOST_MINUTES} {...form.getInputProps('lease_minutes')} error={fields.lease_seconds} />
        <NumberInput label={t('target.audits')} description={t('settings.audits_help')} required allowDecimal={false} min={0} max={100}
          {...form.getInputProps('audits_percent')} error={fields.control_share} />
        {rest && <Alert color="red" role="alert">{rest.message}</Alert>}
        <Button type="submit" disabled={!isChanged} loading={save.isPending} style={{ alignSelf: 'start' }}>{t('settings.save')}</Button>
      </Stack>
    </form>
  )
}
