/** How waiting, emptiness and failure look everywhere. */
import { Alert, Button, Center, Loader, Stack, Text, Title } from '@mantine/core'
import type { UseQueryResult } from '@tanstack/react-query'
import { useEffect, useState, type ReactNode } from 'react'
import { ApiError } from '../api/client'
import { t } from '../i18n'

const SHORT_MS = 300

/** What is there at once needs no sign, which would flicker and be drawn instead of it. */
export function Waiting() {
  const [isLong, setIsLong] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setIsLong(true), SHORT_MS)
    return () => clearTimeout(timer)
  }, [])
  return <Center h={240}>{isLong && <Loader aria-label={t('ui.loading')} role="status" />}</Center>
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <Stack align="center" py={60} gap="xs">
      <Title order={3}>{title}</Title>
      <Text c="dimmed" ta="center" maw={460}>
        {children}
      </Text>
    </Stack>
  )
}

/** What went wrong; the server's own English small beside it where nobody has translated it. */
export function ErrorText({ error }: { error: Error }) {
  const { text, original } = error instanceof ApiError ? error.said : { text: error.message, original: '' }
  return (
    <>
      <Text size="sm" mb="sm">{text}</Text>
      {original !== '' && <Text size="xs" c="dimmed" mb="sm" lang="en">{t('ui.original', { original })}</Text>}
    </>
  )
}

export function Failed({ error, onRetry }: { error: Error; onRetry: () => void }) {
  return (
    <Alert color="red" title={t('ui.not_loaded')} my="md">
      <ErrorText error={error} />
      <Button size="xs" variant="default" onClick={onRetry}>
        {t('ui.try_again')}
      </Button>
    </Alert>
  )
}

/** Draws a query in each of its states. */
export function Loaded<T>({ query, children }: { query: UseQueryResult<T>; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) return <>{children(query.data)}</>
  if (query.isError) return <Failed error={query.error} onRetry={() => void query.refetch()} />
  return <Waiting />
}
