/** Personal tokens for programs: DICOMweb clients, scripts, notebooks. */
import { Alert, Button, Code, Container, Group, Table, Text, Title } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, good } from '../api/client'
import { Loaded } from '../ui/states'

export default function TokensPage() {
  const queries = useQueryClient()
  const [secret, setSecret] = useState('')
  const tokens = useQuery({ queryKey: ['tokens'], queryFn: () => good(api.GET('/api/v1/tokens')) })
  const refresh = () => queries.invalidateQueries({ queryKey: ['tokens'] })
  const create = useMutation({
    mutationFn: () => good(api.POST('/api/v1/tokens', { body: { lifetime_days: 90 } })),
    onSuccess: (made) => {
      setSecret(made.secret)
      void refresh()
    },
  })
  const revoke = useMutation({
    mutationFn: (token_key: string) =>
      good(api.DELETE('/api/v1/tokens/{token_key}', { params: { path: { token_key } } })),
    onSuccess: refresh,
  })
  return (
    <Container size="sm">
      <Group justify="space-between" mb="md">
        <Title order={2}>Personal tokens</Title>
        <Button loading={create.isPending} onClick={() => create.mutate()}>
          New token for 90 days
        </Button>
      </Group>
      {secret && (
        <Alert color="blue" mb="md" title="Copy it now; it is not shown again">
          <Code block>Authorization: Token {secret}</Code>
        </Alert>
      )}
      <Loaded query={tokens}>
        {(rows) =>
          rows.length === 0 ? (
            <Text c="dimmed">No tokens. A token lets a program do what you may do.</Text>
          ) : (
            <Table>
              <Table.Tbody>
                {rows.map((token) => (
                  <Table.Tr key={token.token_key}>
                    <Table.Td>
                      <Code>{token.token_key}…</Code>
                    </Table.Td>
                    <Table.Td>until {token.expiry?.slice(0, 10) ?? 'revoked'}</Table.Td>
                    <Table.Td ta="right">
                      <Button size="xs" variant="default" onClick={() => revoke.mutate(token.token_key)}>
                        Revoke
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
