/** The frame around every page of a signed-in person. */
import { Anchor, AppShell, Button, Group, Text } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { Link, Navigate, Outlet, useNavigate } from 'react-router'
import { ApiError } from '../api/client'
import { useMe } from '../api/me'
import { signOut } from '../api/session'
import { t } from '../i18n'
import { Loaded } from '../ui/states'

export function SignedIn() {
  const me = useMe()
  const navigate = useNavigate()
  const queries = useQueryClient()
  if (me.error instanceof ApiError && me.error.problem.status === 401) return <Navigate to="/sign-in" />

  const leave = async () => {
    await signOut()
    queries.clear()
    void navigate('/sign-in')
  }
  return (
    <Loaded query={me}>
      {(person) => (
        <AppShell header={{ height: '3.25rem' }} padding="md">
          <AppShell.Header>
            <Group h="100%" px="md" justify="space-between" wrap="nowrap">
              <Anchor component={Link} to="/" fw={700} underline="never">
                {t('app.name')}
              </Anchor>
              <Group gap="xs" component="nav" aria-label={t('app.navigation')}>
                <Button component={Link} to="/tokens" size="xs" variant="subtle">
                  {t('app.tokens')}
                </Button>
                <Button component={Link} to="/preferences" size="xs" variant="subtle">
                  {t('app.preferences')}
                </Button>
                <Text size="sm" c="dimmed">
                  {person.full_name || person.username}
                </Text>
                <Button size="xs" variant="default" onClick={() => void leave()}>
                  {t('app.sign_out')}
                </Button>
              </Group>
            </Group>
          </AppShell.Header>
          <AppShell.Main>
            <Outlet />
          </AppShell.Main>
        </AppShell>
      )}
    </Loaded>
  )
}
