/** Reads that wait for a reviewer. */
import { Button, Group, Table, Text, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'react-router'
import { api, good, type Schemas } from '../api/client'
import { t } from '../i18n'
import { shownAnswer } from '../labeling/answerText'
import { looks } from '../labeling/looks'
import { isStale } from '../labeling/serverAnswers'
import { showError, showNotice } from '../ui/notify'
import { Empty, Loaded } from '../ui/states'

export function ReviewsPanel({ projectId }: { projectId: string }) {
  const queue = useQuery({
    queryKey: ['reviews', projectId],
    queryFn: () =>
      good(
        api.GET('/api/v1/projects/{project_id}/reviews', { params: { path: { project_id: projectId } } }),
      ),
  })
  return (
    <Loaded query={queue}>
      {(page) =>
        page.results.length === 0 ? (
          <Empty title={t('reviews.none')}>{t('reviews.none_help')}</Empty>
        ) : (
          <Table>
            <Table.Tbody>
              {page.results.map((annotation) => (
                <ReviewRow key={annotation.id} annotation={annotation} projectId={projectId} />
              ))}
            </Table.Tbody>
          </Table>
        )
      }
    </Loaded>
  )
}

function ReviewRow({ annotation, projectId }: { annotation: Schemas['Annotation']; projectId: string }) {
  const [comment, setComment] = useState('')
  const queries = useQueryClient()
  const changed = t('reviews.changed', { reader: annotation.reader })
  const review = useMutation({
    mutationFn: (verdict: 'approve' | 'return') =>
      good(
        api.POST('/api/v1/annotations/{annotation_id}/review', {
          params: { path: { annotation_id: annotation.id }, header: { 'If-Match': `"${annotation.version}"` } },
          body: { verdict, comment },
        }),
      ),
    onError: (error) => (isStale(error) ? showNotice(changed) : showError(error)),
    onSettled: () => queries.invalidateQueries({ queryKey: ['reviews', projectId] }), // what was refused has changed
  })
  // The list is asked for anew while a case is looked at: it may hold a version that was never on the screen.
  const decide = (verdict: 'approve' | 'return') => (looks.isOutdated(annotation) ? showNotice(changed) : review.mutate(verdict))
  const answers = (annotation.content as { answers?: Record<string, unknown> }).answers ?? {}
  return (
    <Table.Tr>
      <Table.Td>
        {annotation.reader}
        {looks.isOutdated(annotation) && (
          <Text size="sm" c="orange">
            {changed}
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        {Object.entries(answers).map(([key, value]) => (
          <Text size="sm" key={key}>
            {t('reviews.answer', { question: key, answer: shownAnswer(value) })}
          </Text>
        ))}
      </Table.Td>
      <Table.Td>
        <Group justify="flex-end">
          <Button size="xs" variant="subtle" component={Link} to={`/projects/${projectId}/cases/${annotation.case_id}?read=${annotation.id}`}>
            {t('marks.open')}
          </Button>
          <TextInput
            placeholder={t('reviews.comment')}
            aria-label={t('reviews.comment')}
            value={comment}
            onChange={(event) => setComment(event.currentTarget.value)}
          />
          <Button size="xs" loading={review.isPending} onClick={() => decide('approve')}>
            {t('reviews.approve')}
          </Button>
          <Button size="xs" variant="default" onClick={() => decide('return')}>
            {t('reviews.return')}
          </Button>
        </Group>
      </Table.Td>
    </Table.Tr>
  )
}
