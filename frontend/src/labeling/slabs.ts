/** PURE. Thick slabs as they are chosen: their kinds in a row, and how thick they can be. */
import type { Slab } from '../viewer/types'

export const SLABS = ['off', 'mip', 'minip', 'average'] as const
export const FIRST_SLAB_MM = 10
export const MAX_SLAB_MM = 200
const STEP = 1.25

/** The kind after the one that is shown, as thick as that; null ends it. */
export function nextSlab(slab: Slab | null): Slab | null {
  const next = SLABS[(SLABS.indexOf(slab?.mode ?? 'off') + 1) % SLABS.length] ?? 'off'
  return next === 'off' ? null : { mm: slab ? slab.mm : FIRST_SLAB_MM, mode: next }
}

/** A slab through the whole volume is as thick as it gets: from there it begins anew. */
export function thicker(slab: Slab): Slab {
  return { ...slab, mm: slab.mm === null ? null : Math.min(Math.ceil(slab.mm * STEP), MAX_SLAB_MM) }
}

export function thinner(slab: Slab): Slab {
  return { ...slab, mm: slab.mm === null ? MAX_SLAB_MM : Math.max(Math.floor(slab.mm / STEP), 1) }
}

export function throughAll(slab: Slab): Slab {
  return { ...slab, mm: slab.mm === null ? FIRST_SLAB_MM : null }
}
