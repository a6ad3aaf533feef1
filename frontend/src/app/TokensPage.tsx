/** Personal tokens for programs: DICOMweb clients, scripts, notebooks. */
import { Alert, Button, Code, Container, Group, Table, Text, Title } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, good } from '../api/client'
import { formatDate, t } from '../i18n'
import { showError } from '../ui/notify'
import { Loaded } from '../ui/states'

const LIFETIME_DAYS = 90

export default function TokensPage() {
  const queries = useQueryClient()
  const [secret, setSecret] = useState('')
  const tokens = useQuery({ queryKey: ['tokens'], queryFn: () => good(api.GET('/api/v1/tokens')) })
  const refresh = () => queries.invalidateQueries({ queryKey: ['tokens'] })
  const create = useMutation({
    mutationFn: () => good(api.POST('/api/v1/tokens', { body: { lifetime_days: LIFETIME_DAYS } })),
    onSuccess: (made) => {
      setSecret(made.secret)
      void refresh()
    },
    onError: showError,
  })
  const revoke = useMutation({
    mutationFn: (token_key: string) =>
      good(api.DELETE('/api/v1/tokens/{token_key}', { params: { path: { token_key } } })),
    onSuccess: refresh,
    onError: showError,
  })
  return (
    <Container size="sm">
      <Group justify="space-between" mb="md">
        <Title order={1} size="h2">{t('tokens.title')}</Title>
        <Button loading={create.isPending} onClick={() => create.mutate()}>
          {t('tokens.create', { days: LIFETIME_DAYS })}
        </Button>
      </Group>
      {secret && (
        <Alert color="blue" mb="md" title={t('tokens.copy_now')}>
          <Code block>{t('tokens.header', { secret })}</Code>
        </Alert>
      )}
      <Loaded query={tokens}>
        {(rows) =>
          rows.length === 0 ? (
            <Text c="dimmed">{t('tokens.none')}</Text>
          ) : (
            <Table>
              <Table.Tbody>
                {rows.map((token) => (
                  <Table.Tr key={token.token_key}>
                    <Table.Td>
                      <Code>{token.token_key}…</Code>
                    </Table.Td>
                    <Table.Td>{token.expiry ? t('tokens.until', { day: formatDate(token.expiry.slice(0, 10)) }) : t('tokens.revoked')}</Table.Td>
                    <Table.Td ta="right">
                      <Button size="xs" variant="default" onClick={() => revoke.mutate(token.token_key)}>
                        {t('tokens.revoke')}
                      </Button>
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          )
        }
      </Loaded>
    </Container>
  )
}
