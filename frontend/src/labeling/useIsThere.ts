/** Whether somebody is at the page: there was input within the last minute. */
import { useEffect, useState } from 'react'
import { IDLE_AFTER_MS, INPUTS } from './activity'

/** True to begin with: somebody has just come. */
export function useIsThere(): boolean {
  const [isThere, setThere] = useState(true)
  useEffect(() => {
    const wait = () => setTimeout(() => setThere(false), IDLE_AFTER_MS)
    let waiting = wait()
    const onInput = () => {
      clearTimeout(waiting)
      waiting = wait()
      setThere(true)
    }
    for (const name of INPUTS) window.addEventListener(name, onInput, { passive: true })
    return () => {
      clearTimeout(waiting)
      for (const name of INPUTS) window.removeEventListener(name, onInput)
    }
  }, [])
  return isThere
}
