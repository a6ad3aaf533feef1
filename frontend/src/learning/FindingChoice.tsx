/** Which answer the strategy for rare findings looks for. */
import { Select } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, good, type Schemas } from '../api/client'
import { t } from '../i18n'
import { definitionOf } from '../labeling/definition'
import { showError } from '../ui/notify'

export function FindingChoice({ projectId, target }: { projectId: string; target: Schemas['Target'] }) {
  const queries = useQueryClient()
  const schemas = useQuery({
    queryKey: ['schemas', projectId],
    queryFn: () => good(api.GET('/api/v1/projects/{project_id}/schemas', { params: { path: { project_id: projectId } } })),
  })
  const change = useMutation({
    mutationFn: (finding: string) =>
      good(api.PATCH('/api/v1/targets/{target_id}', { params: { path: { target_id: target.id } }, body: { finding } })),
    onSuccess: () => queries.invalidateQueries(),
    onError: showError,
  })
  const asked = definitionOf(schemas.data?.[0]?.definition).questions?.find(({ key }) => key === target.question)
  return (
    <Select
      aria-label={t('quick.finding')}
      placeholder={t('quick.finding_rarest')}
      size="xs"
      clearable
      data={(asked?.options ?? []).map(({ key, label }) => ({ value: key, label }))}
      value={target.finding === '' ? null : target.finding}
      onChange={(value) => change.mutate(value ?? '')}
    />
  )
}
