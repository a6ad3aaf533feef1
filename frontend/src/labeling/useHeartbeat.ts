/** Connects the reading session to the clock and the page's visibility. */
import { useEffect } from 'react'
import type { ActivityClock } from './activity'

const HEARTBEAT_MS = 15_000
const TICK_MS = 1000
const INPUTS = ['keydown', 'mousemove', 'mousedown', 'wheel'] as const

interface Beating {
  beat: () => Promise<void>
  dispose: () => void
}

export function useHeartbeat(session: Beating, clock: ActivityClock): void {
  useEffect(() => {
    const onInput = () => clock.input(performance.now())
    for (const name of INPUTS) window.addEventListener(name, onInput, { passive: true })
    const ticking = setInterval(() => clock.tick(performance.now(), !document.hidden), TICK_MS)
    const beating = setInterval(() => void session.beat(), HEARTBEAT_MS)
    return () => {
      for (const name of INPUTS) window.removeEventListener(name, onInput)
      clearInterval(ticking)
      clearInterval(beating)
      session.dispose()
    }
  }, [session, clock])
}
