/** How many of the project's cases are drawn at random, whatever a model says. */
import { NumberInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, good } from '../api/client'
import { t } from '../i18n'
import { showError } from '../ui/notify'

const LEAST_PERCENT = 10

export function AuditShare({ projectId }: { projectId: string }) {
  const queries = useQueryClient()
  const params = { path: { project_id: projectId } }
  const project = useQuery({
    queryKey: ['project', projectId],
    queryFn: () => good(api.GET('/api/v1/projects/{project_id}', { params })),
  })
  const change = useMutation({
    mutationFn: (control_share: number) => good(api.PATCH('/api/v1/projects/{project_id}', { params, body: { control_share } })),
    onSettled: () => queries.invalidateQueries(),
    onError: showError,
  })
  if (!project.data) return null
  const percent = Math.round(project.data.control_share * 100)
  return (
    <NumberInput
      key={percent}
      label={t('target.audits')}
      description={t('target.audits_help')}
      min={LEAST_PERCENT}
      max={100}
      defaultValue={percent}
      onBlur={({ target }) => {
        const wanted = Number(target.value)
        if (wanted >= LEAST_PERCENT && wanted !== percent) change.mutate(wanted / 100)
      }}
    />
  )
}
