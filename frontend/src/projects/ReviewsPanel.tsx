/** Reads that wait for a reviewer. */
import { Button, Group, Table, Text, TextInput } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'react-router'
import type { Schemas } from '../api/client'
import { formatDate, t } from '../i18n'
import { shownAnswers } from '../labeling/answerText'
import { definitionOf } from '../labeling/definition'
import { reviewOf } from '../labeling/reviewing'
import { Pages } from '../ui/Pages'
import { Empty, Loaded } from '../ui/states'
import { PAGE_SIZE } from './useMarks'
import { reviewQueue, useDeciding } from './useReviews'

export function ReviewsPanel({ projectId }: { projectId: string }) {
  const [number, setNumber] = useState(1)
  const queue = useQuery({ ...reviewQueue(projectId, number), placeholderData: keepPreviousData })
  return (
    <Loaded query={queue}>
      {(page) =>
        page.results.length === 0 ? (
          <Empty title={t('reviews.none')}>{t('reviews.none_help')}</Empty>
        ) : (
          <>
            <Table>
              <Table.Tbody>
                {page.results.map((annotation) => (
                  <ReviewRow key={annotation.id} annotation={annotation} projectId={projectId} />
                ))}
              </Table.Tbody>
            </Table>
            <Pages label={t('reviews.pages')} count={page.count} size={PAGE_SIZE} page={number} onPage={setNumber} />
          </>
        )
      }
    </Loaded>
  )
}

function ReviewRow({ annotation, projectId }: { annotation: Schemas['Annotation']; projectId: string }) {
  const [comment, setComment] = useState('')
  const { isBusy, changed, decide } = useDeciding(projectId, annotation)
  const answers = (annotation.content as { answers?: Record<string, unknown> }).answers ?? {}
  return (
    <Table.Tr>
      <Table.Td>
        {annotation.reader}
        {annotation.submitted_at !== null && (
          <Text size="xs" c="dimmed">
            {formatDate(annotation.submitted_at)}
          </Text>
        )}
        {changed !== null && (
          <Text size="sm" c="orange">
            {changed}
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        <Text size="sm">{shownAnswers(answers, definitionOf(annotation.schema.definition).questions ?? [])}</Text>
      </Table.Td>
      <Table.Td>
        <Group justify="flex-end">
          <Button size="xs" component={Link} to={reviewOf(projectId, annotation)}>
            {t('reviews.open')}
          </Button>
          <TextInput
            placeholder={t('reviews.comment')}
            aria-label={t('reviews.comment')}
            value={comment}
            onChange={(event) => setComment(event.currentTarget.value)}
          />
          <Button size="xs" variant="default" loading={isBusy} onClick={() => decide('approve', comment)}>
            {t('reviews.approve')}
          </Button>
          <Button size="xs" variant="default" loading={isBusy} onClick={() => decide('return', comment)}>
            {t('reviews.return')}
          </Button>
        </Group>
      </Table.Td>
    </Table.Tr>
  )
}
