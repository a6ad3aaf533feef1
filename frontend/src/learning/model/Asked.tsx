/** Draws a query like `Loaded`; what the server declines to compute is said in its words, not as a failure. */
import { Text } from '@mantine/core'
import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { ApiError } from '../../api/client'
import { Loaded } from '../../ui/states'

const DECLINED = new Set(['not_tested', 'invalid'])

export function Asked<T>({ query, children }: { query: UseQueryResult<T>; children: (data: T) => ReactNode }) {
  if (query.error instanceof ApiError && DECLINED.has(query.error.problem.code)) {
    return <Text size="sm" role="status">{query.error.message}</Text>
  }
  return <Loaded query={query}>{children}</Loaded>
}
