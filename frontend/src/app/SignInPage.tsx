/** User name and password. */
import { Alert, Button, Center, Paper, PasswordInput, Stack, TextInput, Title } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useState } from 'react'
import { useNavigate } from 'react-router'
import { Offline } from '../api/client'
import { signIn } from '../api/session'

export function SignInPage() {
  const navigate = useNavigate()
  const [refusal, setRefusal] = useState('')
  const [isBusy, setBusy] = useState(false)
  const form = useForm({ initialValues: { username: '', password: '' } })

  const submit = async ({ username, password }: typeof form.values) => {
    setBusy(true)
    try {
      const message = await signIn(username, password)
      setRefusal(message)
      if (!message) void navigate('/')
    } catch (error) {
      setRefusal(error instanceof Offline ? 'The server cannot be reached.' : String(error))
    } finally {
      setBusy(false)
    }
  }

  return (
    <Center h="100vh">
      <Paper withBorder p="xl" w={360}>
        <form onSubmit={form.onSubmit((values) => void submit(values))}>
          <Stack>
            <Title order={2}>Firstread</Title>
            <TextInput label="User name" autoComplete="username" autoFocus required {...form.getInputProps('username')} />
            <PasswordInput label="Password" autoComplete="current-password" required {...form.getInputProps('password')} />
            {refusal && (
              <Alert color="red" role="alert">
                {refusal}
              </Alert>
            )}
            <Button type="submit" loading={isBusy}>
              Sign in
            </Button>
          </Stack>
        </form>
      </Paper>
    </Center>
  )
}
