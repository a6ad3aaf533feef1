/** Connects the pointer that keys move to the keyboard, and says what it does to whoever does not see it. */
import { useEffect, useMemo, useRef } from 'react'
import type { KeyPointer, PointedPlace, PointerDeed } from '../viewer/pointer/KeyPointer'
import { pointerActOf } from './pointerKeys'
import { unhurried } from './useMoving'
import type { ViewerConnection } from './useWorkstation'

/** What the pointer did last. */
export interface Pointed {
  deed: PointerDeed
  /** Null where it is gone. */
  place: PointedPlace | null
}

export interface PointerKeys {
  toggle: () => void
  /** Whether a key was meant for it. */
  take: (key: string, isRepeated: boolean) => boolean
  /** What it holds is done. */
  letGo: () => void
  /** What it holds is undone; false where it holds nothing. */
  giveUp: () => boolean
  /** Not oftener than it can be read or heard; null as long as there was no pointer. */
  last: () => Pointed | null
  subscribe: (listener: () => void) => () => void
}

const BETWEEN_TEXTS_MS = 400

/** @param giveUp gives up what is being drawn; whether something was */
export function useKeyPointer({ workstation, layers }: ViewerConnection, giveUp: () => boolean): PointerKeys {
  const pointer = useRef<KeyPointer | null>(null)
  const current = useRef(giveUp)
  useEffect(() => {
    current.current = giveUp
  })
  const news = useMemo(() => new News(), [])

  useEffect(() => {
    if (!workstation || !layers) return undefined
    const created = new layers.KeyPointer(workstation, {
      onDone: (deed, place) => news.tell({ deed, place }),
      giveUp: () => current.current(),
    })
    pointer.current = created
    return () => {
      pointer.current = null
      created.destroy()
    }
  }, [workstation, layers, news])

  return useMemo(() => ({
    toggle: () => (pointer.current?.isShown ? pointer.current.hide() : pointer.current?.show()),
    take: (key, isRepeated) => {
      const act = pointer.current?.isShown ? pointerActOf(key) : null
      if (!act || !pointer.current) return false
      if (act.kind === 'move') pointer.current.move(act.direction, act.count)
      else if (act.kind === 'slice') workstation?.scroll(act.by)
      else if (!isRepeated) pointer.current[act.kind]()
      return true
    },
    letGo: () => pointer.current?.letGo(),
    giveUp: () => (pointer.current?.isHeld ? pointer.current.giveUp() : false),
    last: news.last,
    subscribe: news.subscribe,
  }), [workstation, news])
}

class News {
  private said: Pointed | null = null
  private readonly listeners = new Set<() => void>()

  readonly tell = unhurried((pointed: Pointed) => {
    this.said = pointed
    for (const listener of this.listeners) listener()
  }, BETWEEN_TEXTS_MS)

  readonly last = () => this.said

  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }
}
