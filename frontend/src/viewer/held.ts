/** What nothing pushes out of the cache of images, which all panes and layers share: volumes, and the label maps on them. */
import * as core from '@cornerstonejs/core'
import { roomForMask, takenFromImages } from './budget'

/** By id, in bytes. */
const volumes = new Map<string, number>()
const masks = new Map<string, number>()

export function holdVolume(volumeId: string, bytes: number): void {
  volumes.set(volumeId, bytes)
}

export function releaseVolume(volumeId: string): void {
  volumes.delete(volumeId)
}

/** A label map that is shown, painted or suggested. */
export function holdMask(id: string, bytes: number): void {
  masks.set(id, bytes)
}

export function releaseMask(id: string): void {
  masks.delete(id)
}

/** Bytes that images must do without. */
export function heldBytes(): number {
  return takenFromImages({ volumes: sum(volumes), masks: sum(masks) }, core.cache.getMaxCacheSize())
}

/** Whether a label map of so many bytes fits beside what is held, and what of it is still on its way. */
export function hasRoomForMask(bytes: number): boolean {
  const held = sum(volumes) + sum(masks)
  return roomForMask(bytes, core.cache.getMaxCacheSize(), held) && core.cache.isCacheable(bytes)
}

function sum(bytes: ReadonlyMap<string, number>): number {
  return [...bytes.values()].reduce((total, one) => total + one, 0)
}
