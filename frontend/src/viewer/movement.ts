/** Tells a hand that moves the images from everything else that changes about them: pure. */
import type { PaneState, WorkstationState } from './types'

/** What scrolling, zooming, windowing and loading change, many times a second. */
const MOVING = new Set<keyof PaneState>(['slice', 'loaded', 'center', 'width', 'zoom', 'scale', 'edges', 'place'])

/** Whether the images only moved: the same panes show the same series with the same tool in hand. */
export function hasOnlyMoved(before: WorkstationState, after: WorkstationState): boolean {
  const { panes, ...room } = after
  const isSameRoom = keysOf(room).every((key) => room[key] === before[key])
  return (
    isSameRoom && panes.length === before.panes.length &&
    panes.every((pane, index) => hasPaneOnlyMoved(before.panes[index], pane))
  )
}

/** Whether nothing was on the screen and nothing is yet: what is being loaded is worth telling once it is there. */
export function isStillEmpty(before: WorkstationState, after: WorkstationState): boolean {
  return before.tool === after.tool && [...before.panes, ...after.panes].every(isBlank)
}

/** Whether every frame of a pane's series is at hand. */
export function isWhole({ loaded, frames }: Pick<PaneState, 'loaded' | 'frames'>): boolean {
  return frames > 0 && loaded >= frames
}

function hasPaneOnlyMoved(before: PaneState | undefined, after: PaneState): boolean {
  if (before === after) return true
  if (before === undefined || isWhole(before) !== isWhole(after)) return false
  return keysOf(after).every((key) => MOVING.has(key) || before[key] === after[key])
}

function isBlank({ status }: PaneState): boolean {
  return status === 'empty' || status === 'loading'
}

function keysOf<T extends object>(value: T): (keyof T)[] {
  return Object.keys(value) as (keyof T)[]
}
