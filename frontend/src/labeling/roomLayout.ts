/** How wide the panels are and which are open, kept in the browser. */
import { useState } from 'react'

export interface RoomSizes {
  /** In rem. */
  strip: number
  panel: number
  isStripOpen: boolean
  isPanelOpen: boolean
}

export interface RoomLayout {
  sizes: RoomSizes
  change: (part: Partial<RoomSizes>) => void
}

export const STRIP = { minimum: 6, maximum: 24 }
export const PANEL = { minimum: 16, maximum: 48 }
export const DEFAULT_SIZES: RoomSizes = { strip: 8.5, panel: 21, isStripOpen: true, isPanelOpen: true }
const KEY = 'firstread.room'

/** Whatever was stored, as sizes within their limits. */
export function sizesOf(text: string | null): RoomSizes {
  let stored: Partial<RoomSizes> = {}
  try {
    stored = (JSON.parse(text ?? '{}') ?? {}) as Partial<RoomSizes>
  } catch {
    // Somebody else's text under our name: begin with the defaults.
  }
  return {
    strip: within(stored.strip, STRIP, DEFAULT_SIZES.strip),
    panel: within(stored.panel, PANEL, DEFAULT_SIZES.panel),
    isStripOpen: stored.isStripOpen !== false,
    isPanelOpen: stored.isPanelOpen !== false,
  }
}

export function useRoomLayout(): RoomLayout {
  const [sizes, setSizes] = useState(() => sizesOf(localStorage.getItem(KEY)))
  const change = (part: Partial<RoomSizes>) => {
    setSizes((before) => {
      const after = { ...before, ...part }
      localStorage.setItem(KEY, JSON.stringify(after))
      return after
    })
  }
  return { sizes, change }
}

function within(value: unknown, { minimum, maximum }: { minimum: number; maximum: number }, otherwise: number): number {
  return typeof value === 'number' && value >= minimum && value <= maximum ? value : otherwise
}
