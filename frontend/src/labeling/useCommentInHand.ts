/** The comment in hand: the one that a key jumped to last. */
import { useState } from 'react'
import type { Workstation } from '../viewer/Workstation'
import type { Commands } from './actions'
import { goInto } from './focus'
import type { Talk } from './useTalk'

export interface CommentInHand {
  /** Null where none is. */
  id: string | null
  commands: Commands
}

export function useCommentInHand({ comments, me, resolve, remove }: Talk, workstation: Workstation | null): CommentInHand {
  const [wanted, setWanted] = useState<string | null>(null)
  const index = comments.findIndex(({ id }) => id === wanted)
  const comment = comments[index]
  const step = (by: 1 | -1) => () => {
    const next = comments[index < 0 ? (by > 0 ? 0 : comments.length - 1) : (index + by + comments.length) % comments.length]
    if (!next) return
    setWanted(next.id)
    const { place } = next
    if (place) void workstation?.jumpTo(place.sop_instance_uid, place.frame, place.pixel)
  }
  return {
    id: comment?.id ?? null,
    commands: {
      comment: () => void goInto('[data-comment-field]'),
      ...(comments.length > 0 && { comment_next: step(1), comment_previous: step(-1) }),
      ...(comment?.author === me && {
        comment_resolve: () => resolve(comment.id, !comment.is_resolved),
        comment_delete: () => remove(comment.id),
      }),
    },
  }
}
