/** Pins of comments on the images: those that are open, and the one that the next comment gets. */
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import type { PinLayer } from '../viewer/PinLayer'
import type { PinnedPlace } from '../viewer/types'
import type { Comment } from './CommentsPanel'
import { remarks } from './remarks'
import type { ViewerConnection } from './useWorkstation'

export interface Pins {
  /** Where the next comment is pinned; null where nobody has chosen. */
  pending: PinnedPlace | null
  /** Whether the next click on an image sets it. */
  isPicking: boolean
  /** Wait for that click, or no longer. */
  pick: () => void
  drop: () => void
}

const NEXT = '+'

export function usePins({ workstation, layers }: ViewerConnection, comments: readonly Comment[], remark: string): Pins {
  const layer = useRef<PinLayer | null>(null)
  const pending = useSyncExternalStore(remarks.subscribe, useCallback(() => remarks.of(remark).place, [remark]))
  const [isPicking, setPicking] = useState(false)

  useEffect(() => {
    if (!workstation || !layers) return undefined
    const created = new layers.PinLayer(workstation)
    layer.current = created
    return () => {
      layer.current = null
      created.destroy()
    }
  }, [workstation, layers])

  useEffect(() => {
    const open = comments.flatMap(({ place, is_resolved }, index) => (place && !is_resolved ? [{ ...place, text: String(index + 1) }] : []))
    layer.current?.draw(pending ? [...open, { ...pending, text: NEXT }] : open)
  }, [workstation, layers, comments, pending])

  useEffect(() => () => layer.current?.giveUp(), [remark])

  const pick = () => {
    if (isPicking || !layer.current) {
      layer.current?.giveUp()
      return
    }
    setPicking(true)
    void layer.current.pick().then((place) => {
      setPicking(false)
      if (!place) return
      remarks.write(remark, { place })
      document.querySelector<HTMLTextAreaElement>('[data-comment-field]')?.focus()
    })
  }
  return { pending, isPicking, pick, drop: () => remarks.write(remark, { place: null }) }
}
