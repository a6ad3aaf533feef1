/** Connects the reading session to the clock, the page's visibility and its end. */
import { useEffect, useRef } from 'react'
import { INPUTS, type ActivityClock } from './activity'
import { remarks } from './remarks'

const HEARTBEAT_MS = 15_000
const TICK_MS = 1000

interface Beating {
  beat: () => Promise<void>
  /** Whether work would be lost if the page went away now. */
  readonly isAtRisk: boolean
  leavePage: () => void
  dispose: () => void
}

/** @param isUnderWay whether something is at work on the images that nobody was told of yet */
export function useHeartbeat(session: Beating, clock: ActivityClock, isUnderWay: () => boolean): void {
  const latest = useRef(isUnderWay)
  useEffect(() => {
    latest.current = isUnderWay
  })
  useEffect(() => {
    const onInput = () => clock.input(performance.now())
    for (const name of INPUTS) window.addEventListener(name, onInput, { passive: true })
    const ticking = setInterval(() => clock.tick(performance.now(), !document.hidden), TICK_MS)
    const leave = () => session.leavePage()
    const ask = (event: BeforeUnloadEvent) => {
      if (session.isAtRisk || remarks.isAtRisk || latest.current()) event.preventDefault()
    }
    window.addEventListener('pagehide', leave)
    window.addEventListener('beforeunload', ask)
    const beat = () => {
      if (clock.isAttended(performance.now())) void session.beat()
    }
    const beating = setInterval(beat, HEARTBEAT_MS)
    return () => {
      for (const name of INPUTS) window.removeEventListener(name, onInput)
      clearInterval(ticking)
      clearInterval(beating)
      window.removeEventListener('pagehide', leave)
      window.removeEventListener('beforeunload', ask)
      session.dispose()
    }
  }, [session, clock])
}
