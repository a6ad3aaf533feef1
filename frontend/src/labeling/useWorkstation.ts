/** Connects the page to the workstation: its life, its state, and what it shows. */
import { useEffect, useMemo, useRef, useState, type RefObject } from 'react'
import type { Reading } from '../api/client'
import { planFor } from '../viewer/hanging'
import { hasWebGL2 } from '../viewer/setup'
import type { WorkstationState } from '../viewer/types'
import { EMPTY_STATE, Workstation } from '../viewer/Workstation'
import { definitionOfRead } from './definition'

export interface ViewerConnection {
  element: RefObject<HTMLDivElement | null>
  workstation: Workstation | null
  state: WorkstationState
  isSupported: boolean
  /** What the hanging protocols could not find; empty where nothing is amiss. */
  notice: string
}

export function useWorkstation(root: string, reading: Reading | null): ViewerConnection {
  const element = useRef<HTMLDivElement>(null)
  const [workstation, setWorkstation] = useState<Workstation | null>(null)
  const [state, setState] = useState<WorkstationState>(EMPTY_STATE)
  const [isSupported] = useState(hasWebGL2)
  const plan = useMemo(
    () => reading && planFor(reading.study, reading.priors, definitionOfRead(reading).hanging ?? []), [reading],
  )

  useEffect(() => {
    const host = element.current
    if (!host || !isSupported) return undefined
    const created = new Workstation(root, host)
    let isGone = false
    const unsubscribe = created.subscribe(setState)
    void created.start().then(() => {
      if (isGone) return
      // Whoever looks for a fault in a running page, and the tests, find it at its element.
      Object.assign(host, { workstation: created })
      setWorkstation(created)
    })
    return () => {
      isGone = true
      unsubscribe()
      setWorkstation(null)
      created.destroy()
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

  return { element, workstation, state, isSupported, notice: plan?.notice ?? '' }
}
