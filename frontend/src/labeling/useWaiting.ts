/** What a reader whose worklist is empty waits for, asked again as long as the page is looked at. */
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import type { Schemas } from '../api/client'
import { waiting } from './requests'

const LOOK_AGAIN_MS = 5000

/** @param isThere whether somebody is at the page: an empty chair takes no case from the others
 * @param onMore there is something to read again */
export function useWaiting(projectId: string, isThere: boolean, onMore: () => void): Schemas['Waiting'] | undefined {
  const client = useQueryClient()
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
