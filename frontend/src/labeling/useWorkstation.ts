/** Connects the page to the workstation: its life, its state, and what it shows. */
import {
  startTransition, useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore, type RefObject,
} from 'react'
import type { Reading } from '../api/client'
import { planFor } from '../viewer/hanging'
import { EMPTY_STATE } from '../viewer/emptyState'
import type { PlanNotice } from '../viewer/messages'
import { hasOnlyMoved, isStillEmpty } from '../viewer/movement'
import type { PaneState, WorkstationState } from '../viewer/types'
import { hasWebGL2 } from '../viewer/webgl'
import type { Workstation } from '../viewer/Workstation'
import { definitionOfRead } from './definition'

const REST_MS = 120
/** Asked for at once, while the page around it is drawn. */
const viewerModule = import('../viewer')

export type ViewerModule = Awaited<typeof viewerModule>

export interface ViewerConnection {
  element: RefObject<HTMLDivElement | null>
  workstation: Workstation | null
  /** What regions and masks are shown with; there as soon as the workstation is. */
  layers: ViewerModule | null
  state: WorkstationState
  isSupported: boolean
  /** What the hanging protocols could not find; null where nothing is amiss. */
  notice: PlanNotice | null
}

export function useWorkstation(root: string, reading: Reading | null): ViewerConnection {
  const element = useRef<HTMLDivElement>(null)
  const [opened, setOpened] = useState<{ workstation: Workstation; layers: ViewerModule } | null>(null)
  const workstation = opened?.workstation ?? null
  const [state, setState] = useState<WorkstationState>(EMPTY_STATE)
  const [isSupported] = useState(hasWebGL2)
  const plan = useMemo(
    () => reading && planFor(reading.study, reading.priors, definitionOfRead(reading).hanging ?? []), [reading],
  )

  useEffect(() => {
    const host = element.current
    if (!host || !isSupported) return undefined
    let created: Workstation | null = null
    let isGone = false
    const start = async () => {
      const layers = await viewerModule
      if (isGone) return
      created = new layers.Workstation(root, host)
      created.subscribe(whenAtRest((now) => startTransition(() => setState(now))))
      await created.start()
      // Whoever looks for a fault in a running page, and the tests, find it at its element.
      Object.assign(host, { workstation: created })
      setOpened({ workstation: created, layers })
    }
    void start()
    return () => {
      isGone = true
      setOpened(null)
      created?.destroy()
    }
  }, [root, isSupported])

  useEffect(() => {
    if (!workstation) return undefined
    if (!reading || !plan) {
      workstation.close()
      return undefined
    }
    const { study, priors } = reading
    workstation.open(study, priors, plan)
    return () => [study, ...priors].forEach((one) => workstation.forget(one))
  }, [workstation, reading, plan])

  return { element, workstation, layers: opened?.layers ?? null, state, isSupported, notice: plan?.notice ?? null }
}

/** The images of the workstation, at once: the rest of the page may come later. Where a hand only moves
 * them, `useLivePane` follows. */
export function useLiveState(workstation: Workstation | null, otherwise: WorkstationState): WorkstationState {
  const [state, setState] = useState<WorkstationState | null>(null)
  useEffect(() => workstation?.subscribe(whenChanged(setState, hasOnlyMoved)), [workstation])
  return workstation && state ? state : otherwise
}

/** One pane as it moves, in the frame that shows it so: for the few texts that follow every step. */
export function useLivePane(workstation: Workstation | null, pane: number, otherwise: PaneState): PaneState {
  const subscribe = useCallback(
    (listener: () => void) => workstation?.subscribe(whenDrawn(listener)) ?? nothing, [workstation],
  )
  return useSyncExternalStore(subscribe, () => workstation?.state.panes[pane] ?? otherwise)
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

/** Tell what changed once it is drawn; what `isMinor` calls so not at all, or to `onMinor`. */
function whenChanged(
  tell: Tell, isMinor: (told: WorkstationState, now: WorkstationState) => boolean, onMinor: Tell = nothing,
): Tell {
  let told: WorkstationState | null = null
  let isWaiting = false
  const tellDrawn = whenDrawn((state) => {
    isWaiting = false
    told = state
    tell(state)
  })
  return (state) => {
    if (!isWaiting && told && isMinor(told, state)) {
      onMinor(state)
      return
    }
    isWaiting = true
    tellDrawn(state)
  }
}

/** A page of buttons costs more than a slice: while a hand only moves the images it waits until they rest,
 * and in an empty room until the first is there. */
function whenAtRest(tell: Tell): Tell {
  let resting: ReturnType<typeof setTimeout> | undefined
  const rest = () => clearTimeout(resting)
  const tellNow = (state: WorkstationState) => {
    rest()
    tell(state)
  }
  const isMinor = (told: WorkstationState, now: WorkstationState) => hasOnlyMoved(told, now) || isStillEmpty(told, now)
  return whenChanged(tellNow, isMinor, (state) => {
    rest()
    if (!isStillEmpty(state, state)) resting = setTimeout(() => tell(state), REST_MS)
  })
}
