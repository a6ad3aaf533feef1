/** Connects the page to the workstation: its life, its state, and what it shows. */
import { startTransition, useEffect, useLayoutEffect, useMemo, useRef, useState, type RefObject } from 'react'
import type { Reading } from '../api/client'
import type { HangingPlan } from '../viewer/hanging'
import { settleClicks } from '../viewer/clicks'
import { EMPTY_STATE } from '../viewer/emptyState'
import type { PlanNotice } from '../viewer/messages'
import { hasOnlyMoved, isStillEmpty } from '../viewer/movement'
import type { WorkstationState } from '../viewer/types'
import { hasWebGL2 } from '../viewer/webgl'
import type { Workstation } from '../viewer/Workstation'
import { hangsAlike, planOfRead } from './hung'
import { useGraphics, type Graphics } from './useGraphics'
import { whenChanged } from './useMoving'

/** Asked for at once, while the page around it is drawn. */
const viewerModule = import('../viewer')
viewerModule.catch(() => undefined) // whoever awaits it says so

export type ViewerModule = Awaited<typeof viewerModule>

export interface ViewerConnection {
  element: RefObject<HTMLDivElement | null>
  workstation: Workstation | null
  /** What regions and masks are shown with; there as soon as the workstation is. */
  layers: ViewerModule | null
  graphics: Graphics
  /** As it was when something else than a movement changed; what moves is read with the hooks of `useMoving`. */
  state: WorkstationState
  isSupported: boolean
  /** Whether there has been a read: only then it is known what the room must hold. */
  isFurnished: boolean
  /** Whether the images do not wait for anything any more: what else the page needs can be asked for. */
  isSettled: boolean
  /** What the hanging protocols could not find; null where nothing is amiss. */
  notice: PlanNotice | null
}

export function useWorkstation(root: string, reading: Reading | null): ViewerConnection {
  const element = useRef<HTMLDivElement>(null)
  const [opened, setOpened] = useState<{ workstation: Workstation; layers: ViewerModule } | null>(null)
  const workstation = opened?.workstation ?? null
  const graphics = useGraphics(opened?.layers.watchGraphics ?? null)
  const { life } = graphics
  const [failure, setFailure] = useState<Error | null>(null)
  if (failure) throw failure // a viewer that cannot be loaded is for the boundary around the page
  const [state, setState] = useState<WorkstationState>(EMPTY_STATE)
  const [isSupported] = useState(hasWebGL2)
  // The first read says what stands in the toolbar: a canvas that changes its size while the graphics card
  // begins its work would wait for it.
  const [isFurnished, setIsFurnished] = useState(reading !== null)
  if (reading !== null && !isFurnished) setIsFurnished(true)
  const hung = useHung(reading)
  const plan = useMemo(() => hung && planOfRead(hung), [hung])

  const wanted = useRef<{ reading: Reading; plan: HangingPlan } | null>(null)
  /** What was opened before the page knew of the workstation. */
  const early = useRef<Reading | null>(null)
  useLayoutEffect(() => {
    wanted.current = hung && plan && { reading: hung, plan }
  }, [hung, plan])

  useEffect(() => {
    const host = element.current
    if (!host || !isSupported || !isFurnished) return undefined
    let created: Workstation | null = null
    let isGone = false
    const leaveClicks = settleClicks(host)
    const hasGone = () => isGone // asked anew after every wait
    const start = async () => {
      const layers = await viewerModule
      if (hasGone()) return
      created = new layers.Workstation(root, host)
      created.subscribe(whenChanged((now) => startTransition(() => setState(now)), isMinor))
      await created.start()
      if (hasGone()) return // it was destroyed while it started
      // At once: the page is drawn anew for it only while the images are on their way.
      if (wanted.current) openCase(created, wanted.current.reading, wanted.current.plan)
      early.current = wanted.current?.reading ?? null
      // Whoever looks for a fault in a running page, and the tests, find it at its element.
      Object.assign(host, { workstation: created })
      const ready = { workstation: created, layers }
      startTransition(() => setOpened(ready))
    }
    start().catch((error: unknown) => {
      if (!hasGone()) setFailure(error instanceof Error ? error : new Error(String(error)))
    })
    return () => {
      isGone = true
      setOpened(null)
      leaveClicks()
      created?.destroy()
    }
  }, [root, isSupported, isFurnished, life])

  useEffect(() => {
    if (!workstation) return undefined
    const opened = early.current
    early.current = null
    if (opened && opened !== hung) forgetCase(workstation, opened, hung)
    if (!hung || !plan) {
      workstation.close()
      return undefined
    }
    if (opened !== hung) openCase(workstation, hung, plan)
    return () => forgetCase(workstation, hung, wanted.current?.reading ?? null)
  }, [workstation, hung, plan])

  return { element, workstation, layers: opened?.layers ?? null, graphics, state, isSupported, isFurnished, isSettled: !isSupported || isSettled(plan, state), notice: plan?.notice ?? null }
}

/** The read that the images were hung for: another one of the same case, looked at or asked for anew, leaves them as they are. */
function useHung(reading: Reading | null): Reading | null {
  const [hung, hang] = useState(reading)
  const isAnother = reading === null || hung === null ? reading !== hung : !hangsAlike(reading, hung)
  if (isAnother) hang(reading)
  return isAnother ? reading : hung
}

function openCase(workstation: Workstation, { study, priors }: Reading, plan: HangingPlan): void {
  workstation.open(study, priors, plan)
}

/** All but the studies that the next case shows, too: they may have been fetched ahead for it. */
function forgetCase(workstation: Workstation, left: Reading, next: Reading | null): void {
  const kept = next ? studiesOf(next).map((study) => study.study_instance_uid) : []
  studiesOf(left).filter((study) => !kept.includes(study.study_instance_uid)).forEach((study) => workstation.forget(study))
}

function studiesOf({ study, priors }: Reading): Reading['study'][] {
  return [study, ...priors]
}

function isSettled(plan: HangingPlan | null, { panes }: WorkstationState): boolean {
  if (plan === null) return false
  return plan.panes.every((pane) => pane === null) || panes.some(({ status }) => status === 'shown' || status === 'failed')
}

/** A page of buttons costs more than a slice: it is drawn anew neither while a hand only moves the images, nor
 * in an empty room before the first is there. */
function isMinor(told: WorkstationState, now: WorkstationState): boolean {
  return hasOnlyMoved(told, now) || isStillEmpty(told, now)
}
