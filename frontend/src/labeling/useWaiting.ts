/** What a reader whose worklist is empty waits for, asked again as long as the page is looked at. */
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import type { Schemas } from '../api/client'
import { waiting } from './requests'
import { useIsThere } from './useIsThere'

const LOOK_AGAIN_MS = 5000

/** @param onMore there is something to read again, and somebody to read it: nobody's page takes a case from the others */
export function useWaiting(projectId: string, onMore: () => void): Schemas['Waiting'] | undefined {
  const client = useQueryClient()
  const isThere = useIsThere()
  const { data } = useQuery({
    queryKey: ['waiting', projectId],
    queryFn: () => waiting(projectId),
    staleTime: LOOK_AGAIN_MS,
    refetchInterval: LOOK_AGAIN_MS,
  })
  useEffect(() => {
    if (!data?.has_more || !isThere) return
    // Where somebody was faster nobody asks at once again.
    client.setQueryData(['waiting', projectId], { ...data, has_more: false })
    onMore()
  }, [client, projectId, data, isThere, onMore])
  return data
}
