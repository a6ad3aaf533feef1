import { describe, expect, it } from 'vitest'
import { EMPTY_PANE, EMPTY_STATE } from '../src/viewer/emptyState'
import { hasOnlyMoved, isStillEmpty } from '../src/viewer/movement'
import type { PaneState, WorkstationState } from '../src/viewer/types'

const PANE: PaneState = { ...EMPTY_PANE, status: 'shown', slice: 5, slices: 9, loaded: 3, frames: 9 }
const ROOM: WorkstationState = { ...EMPTY_STATE, panes: [PANE, PANE] }

function withPane(part: Partial<PaneState>): WorkstationState {
  return { ...ROOM, panes: [PANE, { ...PANE, ...part }] }
}

describe('movement', () => {
  it('is scrolling, zooming, windowing and loading', () => {
    const moved = { slice: 6, zoom: 2, center: 1, width: 2, loaded: 4, place: { sop_instance_uid: '1', frame: 1 } }
    expect(hasOnlyMoved(ROOM, withPane(moved))).toBe(true)
    expect(hasOnlyMoved(ROOM, { ...ROOM, panes: [{ ...PANE }, PANE] })).toBe(true)
  })

  it('is nothing that a button or a menu shows', () => {
    const others: Partial<PaneState>[] = [
      { status: 'failed' }, { preset: 'lung' }, { as: 'axial' }, { isPlaying: true }, { isInverted: true },
      { slices: 10 }, { notice: { code: 'colour' } }, { slab: { mm: 5, mode: 'mip' } },
    ]
    for (const other of others) expect(hasOnlyMoved(ROOM, withPane(other))).toBe(false)
    expect(hasOnlyMoved(ROOM, { ...ROOM, tool: 'pan' })).toBe(false)
    expect(hasOnlyMoved(ROOM, { ...ROOM, active: 1 })).toBe(false)
    expect(hasOnlyMoved(ROOM, { ...ROOM, panes: [PANE] })).toBe(false)
  })

  it('ends when the last frame has come, which is worth telling at once', () => {
    expect(hasOnlyMoved(ROOM, withPane({ loaded: 9 }))).toBe(false)
  })

  it('has not begun while the first series is on its way', () => {
    const loading: WorkstationState = { ...EMPTY_STATE, layout: '1x2', panes: [{ ...EMPTY_PANE, status: 'loading' }] }
    expect(isStillEmpty(EMPTY_STATE, loading)).toBe(true)
    expect(isStillEmpty(EMPTY_STATE, { ...loading, tool: 'pan' })).toBe(false)
    expect(isStillEmpty(EMPTY_STATE, ROOM)).toBe(false)
    expect(isStillEmpty(ROOM, loading)).toBe(false)
  })
})
