/** User name and password. */
import { Alert, Button, Center, Paper, PasswordInput, Stack, TextInput, Title } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useNavigate, useSearchParams } from 'react-router'
import { Offline } from '../api/client'
import { signIn } from '../api/session'
import { t } from '../i18n'
import { nextPage } from './comingBack'

export function SignInPage() {
  const navigate = useNavigate()
  const [search] = useSearchParams()
  const queries = useQueryClient()
  const [refusal, setRefusal] = useState('')
  const [isBusy, setBusy] = useState(false)
  const form = useForm({ initialValues: { username: '', password: '' } })

  const submit = async ({ username, password }: typeof form.values) => {
    setBusy(true)
    try {
      const message = await signIn(username, password)
      setRefusal(message)
      if (!message) {
        queries.clear() // what was asked before belongs to nobody
        void navigate(nextPage(search))
      }
    } catch (error) {
      setRefusal(error instanceof Offline ? t('sign_in.offline') : String(error))
    } finally {
      setBusy(false)
    }
  }

  return (
    <Center component="main" h="100vh">
      <Paper withBorder p="xl" w="22.5rem">
        <form onSubmit={form.onSubmit((values) => void submit(values))}>
          <Stack>
            <Title order={1} size="h2">
              {t('app.name')}
            </Title>
            <TextInput label={t('sign_in.username')} autoComplete="username" autoFocus required {...form.getInputProps('username')} />
            <PasswordInput
              label={t('sign_in.password')}
              autoComplete="current-password"
              required
              visibilityToggleButtonProps={{ 'aria-label': t('sign_in.show_password') }}
              {...form.getInputProps('password')}
            />
            {refusal && (
              <Alert color="red" role="alert">
                {refusal}
              </Alert>
            )}
            <Button type="submit" loading={isBusy}>
              {t('sign_in.submit')}
            </Button>
          </Stack>
        </form>
      </Paper>
    </Center>
  )
}
