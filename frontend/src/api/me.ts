/** Who is signed in. */
import { useQuery } from '@tanstack/react-query'
import { api, good } from './client'

export function useMe() {
  return useQuery({ queryKey: ['me'], queryFn: () => good(api.GET('/api/v1/me')) })
}
