/** Whoever leaves the room, by its button or by the browser's Back, saves what waits and gives the case back first. */
import { useCallback, useEffect, useRef } from 'react'
import { useBlocker } from 'react-router'

/** @param takeLeave does what there is to do before; false where the reader should stay */
export function useLeaving(takeLeave: () => Promise<boolean>): void {
  const isFree = useRef(false)
  const isParting = useRef(false)
  const blocker = useBlocker(useCallback(() => !isFree.current, []))
  const latest = useRef({ takeLeave, blocker })
  useEffect(() => {
    latest.current = { takeLeave, blocker }
  })
  // By the blocker and not by its state: who goes again at once is blocked anew before the page has seen it free.
  useEffect(() => {
    if (blocker.state !== 'blocked' || isParting.current) return
    isParting.current = true
    void latest.current.takeLeave().catch(() => false).then((mayLeave) => {
      isParting.current = false
      isFree.current = mayLeave
      if (mayLeave) latest.current.blocker.proceed?.()
      else latest.current.blocker.reset?.()
    })
  }, [blocker])
}
