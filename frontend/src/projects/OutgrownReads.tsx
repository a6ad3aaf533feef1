/** Finished cases of which more images have come since, and the way back to their readers. */
import { Alert, Button, Group, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { api, good } from '../api/client'
import { t } from '../i18n'
import { showError } from '../ui/notify'

export function OutgrownReads({ projectId, count, isManager }: { projectId: string; count: number; isManager: boolean }) {
  const queries = useQueryClient()
  const giveBack = useMutation({
    mutationFn: () =>
      good(
        api.POST('/api/v1/projects/{project_id}/outgrown-reads/return', { params: { path: { project_id: projectId } } }),
      ),
    onError: showError,
    onSettled: () => queries.invalidateQueries({ queryKey: ['progress', projectId] }),
  })
  return (
    <Alert color="yellow" title={t('outgrown.title', { count })}>
      <Group justify="space-between">
        <Text size="sm">{t('outgrown.help')}</Text>
        {isManager && (
          <Button size="xs" loading={giveBack.isPending} onClick={() => giveBack.mutate()}>
            {t('outgrown.give_back')}
          </Button>
        )}
      </Group>
    </Alert>
  )
}
