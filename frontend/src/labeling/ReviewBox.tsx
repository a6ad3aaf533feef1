/** The verdict on a read that waits for a reviewer, on the page of its case, and the way to the next one. */
import { Button, Group, Stack, Text } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useRef, useSyncExternalStore } from 'react'
import { useNavigate } from 'react-router'
import type { Schemas } from '../api/client'
import { t } from '../i18n'
import { nextToReview, reviewQueue, useDeciding, waitingReads, type Verdict } from '../projects/useReviews'
import { GrowingField } from '../ui/GrowingField'
import { showNotice } from '../ui/notify'
import { Section } from '../ui/Section'
import { keyed, type ActionId } from './actions'
import { leaveSent, releaseFocus } from './focus'
import { remarks } from './remarks'
import { reviewOf, reviewsOf } from './reviewing'
import { useShownKey } from './useShownKey'

export interface ReviewProps {
  projectId: string
  read: Schemas['Annotation']
  me: string
  /** Whether one read is reviewed after the other. */
  goesOn: boolean
  /** Whether the images have been on the screen; says so where not. */
  hasSeen: () => boolean
}

export function ReviewBox({ projectId, read, goesOn, hasSeen }: ReviewProps) {
  const name = `review/${read.id}`
  const { text } = useSyncExternalStore(remarks.subscribe, () => remarks.of(name))
  const { isBusy, changed, decide } = useDeciding(projectId, read)
  const waiting = useQuery(reviewQueue(projectId))
  const field = useRef<HTMLTextAreaElement>(null)
  const queries = useQueryClient()
  const navigate = useNavigate()
  const toNext = async () => {
    const next = nextToReview(await waitingReads(queries, projectId).catch(() => []), read)
    void navigate(next ? reviewOf(projectId, next) : reviewsOf(projectId))
  }
  const say = (verdict: Verdict) => {
    if (!hasSeen()) return
    decide(verdict, text.trim(), () => {
      leaveSent(field.current, text)
      remarks.sent(name, text)
      return goesOn && toNext()
    })
  }
  const giveBack = () => {
    if (text.trim() !== '') {
      say('return')
    } else {
      field.current?.focus()
      showNotice(t('reviews.say_why'))
    }
  }
  return (
    <Section title={t('reviews.title')} count={waiting.data?.count ?? 0}>
      <Stack gap={6}>
        {changed !== null && <Text size="sm" c="orange" role="alert">{changed}</Text>}
        <GrowingField ref={field} size="xs" minRows={2} aria-label={t('reviews.comment')} placeholder={t('reviews.comment_help')} value={text}
          onChange={(event) => remarks.write(name, { text: event.currentTarget.value })}
          onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()} />
        <Group gap={6}>
          <Pressed action="review_approve" variant="filled" isBusy={isBusy} onPress={() => say('approve')}>{t('reviews.approve')}</Pressed>
          <Pressed action="review_return" variant="default" isBusy={isBusy} onPress={giveBack}>{t('reviews.return')}</Pressed>
          {goesOn && <Pressed action="review_next" variant="subtle" isBusy={isBusy} onPress={() => void toNext()}>{t('reviews.later')}</Pressed>}
        </Group>
      </Stack>
    </Section>
  )
}

interface PressedProps {
  action: ActionId
  variant: 'filled' | 'default' | 'subtle'
  isBusy: boolean
  onPress: () => void
  children: string
}

function Pressed({ action, variant, isBusy, onPress, children }: PressedProps) {
  const key = useShownKey(action)
  return (
    <Button {...keyed(action)} size="compact-sm" variant={variant} disabled={isBusy} title={t('toolbar.hint', { title: children, key })} onClick={releaseFocus(onPress)}>
      {children}
    </Button>
  )
}
