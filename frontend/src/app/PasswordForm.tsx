/** A new password of one's own; the present one proves who asks. */
import { Alert, Button, PasswordInput, Stack, Text } from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import { useMutation } from '@tanstack/react-query'
import { api, ApiError, good } from '../api/client'
import { refusalOf } from '../api/refusedFields'
import { t } from '../i18n'

const NOTHING = { current: '', wanted: '', again: '' }

export function PasswordForm({ username }: { username: string }) {
  const form = useForm({
    initialValues: NOTHING,
    validate: { again: (again, { wanted }) => (again === wanted ? null : t('password.two')) },
  })
  const send = useMutation({
    mutationFn: ({ current, wanted }: typeof NOTHING) =>
      good(api.PUT('/api/v1/me/password', { body: { current_password: current, new_password: wanted } })),
    onSuccess: () => {
      form.reset()
      notifications.show({ message: t('password.changed'), closeButtonProps: { 'aria-label': t('ui.close') } })
    },
  })
  const { fields, rest } = refusalOf(send.error, ['current_password', 'new_password'])
  const field = (name: keyof typeof NOTHING, refused?: string) => ({
    ...form.getInputProps(name),
    error: form.errors[name] ?? refused,
    required: true,
    visibilityToggleButtonProps: { 'aria-label': t('sign_in.show_password') },
  })
  return (
    <form onSubmit={form.onSubmit((values) => send.mutate(values))}>
      <Stack gap="sm" maw="22.5rem">
        <Text size="sm" c="dimmed">{t('password.help')}</Text>
        {/* For the browser's keeper of passwords, which asks whose this is. */}
        <input type="text" autoComplete="username" value={username} readOnly hidden />
        <PasswordInput label={t('password.current')} autoComplete="current-password" {...field('current', fields.current_password)} />
        <PasswordInput label={t('password.new')} autoComplete="new-password" {...field('wanted', fields.new_password)} />
        <PasswordInput label={t('password.repeat')} autoComplete="new-password" {...field('again')} />
        {rest && <Alert color="red" role="alert">{whyNot(rest)}</Alert>}
        <Button type="submit" variant="default" loading={send.isPending} style={{ alignSelf: 'start' }}>
          {t('password.change')}
        </Button>
      </Stack>
    </form>
  )
}

function whyNot(error: Error): string {
  return error instanceof ApiError && error.problem.status === 429 ? t('sign_in.too_many') : error.message
}
