/** How parts of the page follow the images while a hand moves them, each no oftener than it must. */
import { startTransition, useCallback, useEffect, useState, useSyncExternalStore } from 'react'
import { hasOnlyMoved } from '../viewer/movement'
import type { PaneState, WorkstationState } from '../viewer/types'
import type { Workstation } from '../viewer/Workstation'

const REST_MS = 120
/** Nobody reads more texts a second, and each is drawn instead of an image. */
const BETWEEN_TEXTS_MS = 100

/** The images of the workstation, at once: the rest of the page may come later. Where a hand only moves
 * them, `useLivePane` follows. */
export function useLiveState(workstation: Workstation | null, otherwise: WorkstationState): WorkstationState {
  const [state, setState] = useState<WorkstationState | null>(null)
  useEffect(() => workstation?.subscribe(whenChanged(setState, hasOnlyMoved)), [workstation])
  return workstation && state ? state : otherwise
}

/** One pane as it moves: for the few texts that follow it, the first step and the last at once. */
export function useLivePane(workstation: Workstation | null, pane: number, otherwise: PaneState): PaneState {
  const subscribe = useCallback(
    (listener: () => void) => workstation?.subscribe(unhurried(whenDrawn(listener))) ?? nothing, [workstation],
  )
  return useSyncExternalStore(subscribe, () => workstation?.state.panes[pane] ?? otherwise)
}

/** Plain data that `read` finds once the images rest; the same object as long as it says the same, so that only
 * who shows it is drawn anew, and only where it has changed. */
export function useAtRest<T>(workstation: Workstation | null, read: (workstation: Workstation) => T, otherwise: T): T {
  const [found, setFound] = useState<T | null>(null)
  useEffect(() => {
    if (!workstation) return undefined
    let resting: ReturnType<typeof setTimeout> | undefined
    const look = () => startTransition(() => setFound((known) => kept(known, read(workstation))))
    const unsubscribe = workstation.subscribe(() => {
      clearTimeout(resting)
      resting = setTimeout(look, REST_MS)
    })
    return () => {
      clearTimeout(resting)
      unsubscribe()
    }
  }, [workstation, read])
  return workstation && found !== null ? found : otherwise
}

/** For `useAtRest`: the presets of the frame in the active pane. */
export function presetNames(workstation: Workstation): readonly string[] {
  return workstation.presets().map(({ name }) => name)
}

function kept<T>(known: T | null, now: T): T {
  return known !== null && JSON.stringify(known) === JSON.stringify(now) ? known : now
}

type Tell = (state: WorkstationState) => void

function nothing(): void {
  // Nobody listens.
}

/** Tell only the last state of a frame, and only after the viewer has drawn it. */
function whenDrawn(tell: Tell): Tell {
  let latest: WorkstationState | null = null
  return (state) => {
    if (latest === null) {
      requestAnimationFrame(() => {
        if (latest) tell(latest)
        latest = null
      })
    }
    latest = state
  }
}

/** Tell at once, but in a row of changes only so often; always the last. */
export function unhurried<T extends object = WorkstationState>(tell: (news: T) => void, between_ms = BETWEEN_TEXTS_MS): (news: T) => void {
  let latest: T | null = null
  let isPausing = false
  const pause = () => {
    isPausing = true
    setTimeout(() => {
      isPausing = false
      if (latest) {
        tell(latest)
        latest = null
        pause()
      }
    }, between_ms)
  }
  return (news) => {
    if (isPausing) {
      latest = news
    } else {
      tell(news)
      pause()
    }
  }
}

/** Tell what changed once it is drawn; what `isMinor` calls so not at all. */
export function whenChanged(tell: Tell, isMinor: (told: WorkstationState, now: WorkstationState) => boolean): Tell {
  let told: WorkstationState | null = null
  let isWaiting = false
  const tellDrawn = whenDrawn((state) => {
    isWaiting = false
    told = state
    tell(state)
  })
  return (state) => {
    if (!isWaiting && told && isMinor(told, state)) return
    isWaiting = true
    tellDrawn(state)
  }
}
