/** Whether the graphics card has dropped the images, and when the viewer must be made anew. */
import { useEffect, useState } from 'react'

type Watch = (heard: (isLost: boolean) => void) => () => void

export interface Graphics {
  isLost: boolean
  /** Counts the viewers that were made: another number asks for another one. */
  life: number
  /** Make the viewer anew without waiting for the card. */
  restart: () => void
}

/** The contexts of a page come back one after the other. */
const SETTLED_MS = 500

export function useGraphics(watch: Watch | null): Graphics {
  const [isLost, setIsLost] = useState(false)
  const [life, setLife] = useState(0)
  const restart = () => {
    setIsLost(false)
    setLife((before) => before + 1)
  }
  useEffect(() => {
    if (!watch) return undefined
    let timer: ReturnType<typeof setTimeout> | undefined
    const stop = watch((isGone) => {
      clearTimeout(timer)
      if (isGone) setIsLost(true)
      else timer = setTimeout(restart, SETTLED_MS)
    })
    return () => {
      clearTimeout(timer)
      stop()
    }
  }, [watch])
  return { isLost, life, restart }
}
