/** How many of the project's cases are drawn at random, whatever a model says. */
import { NumberInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, good } from '../api/client'
import { t } from '../i18n'

const LEAST_PERCENT = 10

export interface AuditShare {
  /** Null until it is known. */
  percent: number | null
  change: (percent: number) => void
  /** Nothing is sent where nothing was changed. */
  save: () => Promise<unknown>
}

export function useAuditShare(projectId: string): AuditShare {
  const params = { path: { project_id: projectId } }
  const project = useQuery({
    queryKey: ['project', projectId],
    queryFn: () => good(api.GET('/api/v1/projects/{project_id}', { params })),
  })
  const [typed, change] = useState<number | null>(null)
  const kept = project.data ? Math.round(project.data.control_share * 100) : null
  const save = (percent: number) =>
    good(api.PATCH('/api/v1/projects/{project_id}', { params, body: { control_share: percent / 100 } }))
  return {
    percent: typed ?? kept, change,
    save: () => (typed === null || typed === kept ? Promise.resolve() : save(typed)),
  }
}

export function AuditShareField({ percent, change }: AuditShare) {
  if (percent === null) return null
  return (
    <NumberInput
      label={t('target.audits')}
      description={t('target.audits_help')}
      min={LEAST_PERCENT}
      max={100}
      value={percent}
      onChange={(value) => typeof value === 'number' && change(value)}
    />
  )
}
