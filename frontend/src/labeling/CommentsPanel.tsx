/** Comments on the case: for everybody who works on it, pinned to a place of the image where that helps. */
import { Badge, Button, Checkbox, Group, Stack, Text } from '@mantine/core'
import { IconMapPin, IconTrash } from '@tabler/icons-react'
import { useEffect, useRef, useState, useSyncExternalStore, type RefObject } from 'react'
import { formatDate, t } from '../i18n'
import { showNotice } from '../ui/notify'
import { GrowingField } from '../ui/GrowingField'
import type { PinnedPlace } from '../viewer/types'
import { keyed } from './actions'
import { leaveSent, releaseFocus } from './focus'
import classes from './panel.module.css'
import { remarks } from './remarks'
import { Small } from './Small'
import type { Pins } from './usePins'

export interface Comment {
  id: string
  author: string
  author_name: string
  text: string
  place: PinnedPlace | null
  is_resolved: boolean
  created_at: string
}

export interface CommentsPanelProps {
  /** The name of the comment that is half written. */
  remark: string
  comments: readonly Comment[]
  /** The id of the person who reads: own comments can be resolved and deleted. */
  me: string
  /** Whether a frame is shown, to pin a new comment to. */
  canPin: boolean
  /** The place in view. */
  here: () => PinnedPlace | null
  /** The place that was chosen on an image. */
  pins: Pins
  isBusy: boolean
  /** The comment that a key jumped to last. */
  inHand: string | null
  field?: RefObject<HTMLTextAreaElement | null>
  /** Resolves to whether the server has it. */
  onAdd: (text: string, place: PinnedPlace | null) => Promise<boolean>
  onJump: (place: PinnedPlace) => void
  onResolve: (id: string, isResolved: boolean) => void
  onDelete: (id: string) => void
}

export function CommentsPanel(props: CommentsPanelProps) {
  const { comments } = props
  return (
    <Stack gap="sm">
      {comments.length === 0 && (
        <Text size="sm" c="dimmed">
          {t('comments.none')}
        </Text>
      )}
      <Stack gap={6} component="ul" p={0} m={0} style={{ listStyle: 'none' }} aria-label={t('comments.title')}>
        {comments.map((comment, index) => (
          <CommentEntry key={comment.id} {...props} comment={comment} number={index + 1} />
        ))}
      </Stack>
      {props.me !== '' && <NewComment {...props} />}
    </Stack>
  )
}

function CommentEntry({ comment, number, me, inHand, onJump, onResolve, onDelete }: CommentsPanelProps & { comment: Comment; number: number }) {
  const { id, place, author, author_name, is_resolved } = comment
  const isMine = author === me
  const isInHand = inHand === id
  const element = useRef<HTMLLIElement>(null)
  useEffect(() => {
    if (isInHand) element.current?.scrollIntoView({ block: 'nearest' })
  }, [isInHand])
  return (
    <li ref={element} className={classes.entry} data-testid="comment" data-selected={isInHand || undefined} aria-current={isInHand || undefined}>
      <Group justify="space-between" wrap="nowrap" gap={4}>
        <Text size="xs" c="dimmed">
          {t('comments.by', { number, name: author_name, time: formatDate(comment.created_at) })}
        </Text>
        <Group gap={0} wrap="nowrap">
          {is_resolved && (
            <Badge size="xs" color="teal" variant="light">
              {t('comments.resolved')}
            </Badge>
          )}
          {place && (
            <Small action="comment_next" isInHand={false} label={t('comments.jump')} onPress={() => onJump(place)}>
              <IconMapPin size="1rem" />
            </Small>
          )}
          {isMine && (
            <Small action="comment_delete" isInHand={isInHand} label={t('comments.delete')} onPress={() => onDelete(id)}>
              <IconTrash size="1rem" />
            </Small>
          )}
        </Group>
      </Group>
      <Text size="sm" style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }} td={is_resolved ? 'line-through' : ''}>
        {comment.text}
      </Text>
      {isMine && (
        <Checkbox
          {...keyed('comment_resolve')}
          size="xs"
          mt={4}
          label={t('comments.resolve')}
          checked={is_resolved}
          onChange={(event) => onResolve(id, event.currentTarget.checked)}
        />
      )}
    </li>
  )
}

function NewComment({ remark, canPin, here, pins, isBusy, field, onAdd }: CommentsPanelProps) {
  const { text, isPinned } = useSyncExternalStore(remarks.subscribe, () => remarks.of(remark))
  /** The comment that the server did not take. */
  const [failed, setFailed] = useState<string | null>(null)
  const isUnsent = failed === remark && text.trim() !== ''
  const setPinned = (isOn: boolean) => remarks.write(remark, { isPinned: isOn })
  useEffect(() => () => {
    if (remarks.isHalfWritten(remark)) showNotice(t('comments.kept'))
  }, [remark])
  const unpin = () => {
    setPinned(false)
    pins.drop()
  }
  const own = useRef<HTMLTextAreaElement>(null)
  const written = field ?? own
  const add = async () => {
    if (text.trim() === '' || isBusy) return
    setFailed(null)
    if (await onAdd(text.trim(), pins.pending ?? (isPinned ? here() : null))) {
      leaveSent(written.current, text)
      remarks.sent(remark, text)
    } else {
      setFailed(remark)
    }
  }
  return (
    <Stack gap={6}>
      <GrowingField
        {...keyed('comment')}
        ref={written}
        size="xs"
        minRows={2}
        data-comment-field
        aria-label={t('comments.new')}
        placeholder={t('comments.placeholder')}
        value={text}
        onChange={(event) => remarks.write(remark, { text: event.currentTarget.value })}
        onKeyDown={(event) => {
          if (event.key === 'Escape') event.currentTarget.blur()
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void add()
        }}
      />
      {isUnsent && (
        <Text size="xs" c="orange" role="alert" data-testid="comment-unsent">
          {t('comments.unsent')}
        </Text>
      )}
      <Group justify="space-between">
        <Checkbox
          {...keyed('comment_pin')}
          size="xs"
          label={t('comments.pin')}
          checked={pins.pending !== null || (isPinned && canPin)}
          disabled={!canPin}
          onChange={(event) => (event.currentTarget.checked ? setPinned(true) : unpin())}
        />
        <Button {...keyed('pin')} size="compact-xs" variant={pins.isPicking ? 'filled' : 'subtle'} aria-pressed={pins.isPicking}
          leftSection={<IconMapPin size="1rem" />} onClick={releaseFocus(pins.pick)}>
          {t(pins.isPicking ? 'comments.picking' : 'comments.pick')}
        </Button>
        <Button size="compact-sm" variant="default" loading={isBusy} disabled={text.trim() === ''} onClick={() => void add()}>
          {t(isUnsent ? 'comments.again' : 'comments.add')}
        </Button>
      </Group>
    </Stack>
  )
}
