/** Options that a round could not learn yet, because hardly anybody was asked of them. */
import { Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { api, good } from '../api/client'
import { t } from '../i18n'
import { definitionOf } from '../labeling/definition'

interface Props {
  projectId: string
  question: string
  keys: string[]
}

export function Unlearned({ projectId, question, keys }: Props) {
  const schemas = useQuery({
    queryKey: ['schemas', projectId],
    queryFn: () => good(api.GET('/api/v1/projects/{project_id}/schemas', { params: { path: { project_id: projectId } } })),
  })
  const asked = definitionOf(schemas.data?.[0]?.definition).questions?.find(({ key }) => key === question)
  const names = keys.map((key) => asked?.options?.find((option) => option.key === key)?.label ?? key)
  return (
    <Text size="sm" c="dimmed" mt={4} data-testid="unlearned">{t('learning.unlearned', { names: names.join(', ') })}</Text>
  )
}
