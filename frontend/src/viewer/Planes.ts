/** Three planes through a volume and their crosshairs: into them and back, at the place, with the window and the tool that
 * the reader has. */
import type { ViewerSeries, ViewerStudy } from './dicomweb'
import { pointInMiddle } from './finding'
import { pointAfter, showPoint } from './following'
import type { Vector } from './geometry'
import { layoutForPlanes } from './layout'
import { dot, nearestIndex } from './linking'
import type { SeriesLoader } from './loading'
import type { Choice, Pane } from './Pane'
import { isSameWindow, type Window } from './presets'
import { isViewTool, type Layout, type Links, type ToolName, type WorkstationState } from './types'

const PLANES = ['axial', 'sagittal', 'coronal', 'stack'] as const

/** What the planes need of the workstation. */
export interface PlanesRoom {
  readonly state: WorkstationState
  setLayout(layout: Layout): void
  setTool(tool: ToolName): void
  setLinks(links: Links): void
  activate(pane: number): void
}

/** What a pane shows, to show it so again. */
interface Seen {
  choice: Choice
  /** From 1; null for the middle. */
  slice: number | null
  /** A preset by its name; null as the images say. */
  window: string | Window | null
}

interface Arrangement extends Pick<WorkstationState, 'layout' | 'active' | 'links' | 'tool'> {
  /** Of the planes that came in its place. */
  series: ViewerSeries
  panes: readonly (Seen | null)[]
}

export class Planes {
  /** The point that all planes show. */
  cross: { point: Vector; frame: string } | null = null
  /** What stood where planes were opened; null where the reader has chosen another layout since. */
  private before: Arrangement | null = null
  private turn = 0

  /** @param panes those of the grid, which every layout changes */
  constructor(
    private readonly room: PlanesRoom, private readonly element: HTMLElement, private readonly panes: () => readonly Pane[],
    private readonly loader: SeriesLoader,
  ) {}

  /** Whether a pane shows a plane, or the series of the planes beside it. */
  areIn({ state: { series, as } }: Pane): boolean {
    return as !== 'stack' || (series !== null && this.before?.series === series)
  }

  /** A series that is no volume stays a stack and says why. */
  async open(study: ViewerStudy, series: ViewerSeries): Promise<void> {
    const { room, loader } = this
    const turn = ++this.turn
    const loaded = await loader.load(study, series).catch(() => null)
    const { layout, active, links, tool } = room.state
    const from = this.panes()[active]
    if (turn !== this.turn || !from) return
    if (!loaded || loader.whyNotVolume(loaded)) {
      await from.show({ study, series, as: 'axial' })
      return
    }
    const isHere = from.state.series === series
    const point = isHere ? pointInMiddle(from) : null
    const seen = isHere ? seenIn(from) : null
    const panes = this.panes().map(seenIn)
    room.setLayout(layoutForPlanes(this.element.clientWidth, this.element.clientHeight))
    this.before = { layout, active, links, tool, series, panes }
    await Promise.all(this.panes().map((pane, number) => {
      const choice = { study, series, as: PLANES[number] ?? 'stack' }
      return showIn(pane, { slice: null, window: null, ...seen, choice }, point)
    }))
    if (turn !== this.turn) return
    const plane = this.panes()[0]?.picture?.plane()
    this.cross = plane ? { point: point ?? plane.point, frame: plane.frameOfReference } : null
    if (isViewTool(tool)) room.setTool('crosshairs')
    // One volume has one window, whichever plane it is set in.
    room.setLinks({ ...room.state.links, window: true })
  }

  /** The series of the active pane as a stack again, at the frame nearest to the crosshairs. */
  async close(): Promise<void> {
    const { room, before } = this
    const from = this.panes()[room.state.active]
    const seen = from && seenIn(from)
    if (!seen) return
    const stack = stackOf(seen, from, this.cross)
    if (!before) {
      await showIn(from, stack)
      return
    }
    this.clear()
    room.setLayout(before.layout)
    room.activate(before.active)
    if (room.state.tool === 'crosshairs') room.setTool(before.tool)
    room.setLinks({ ...room.state.links, window: before.links.window })
    await Promise.all(this.panes().map(async (pane, number) => {
      const wanted = number === before.active ? stack : before.panes[number]
      if (wanted) await showIn(pane, wanted)
      else pane.clear()
    }))
  }

  /** The reader has arranged the panes anew: nothing before is to come back. */
  rearranged(): void {
    this.before = null
  }

  /** Nothing is shown any more. */
  clear(): void {
    this.cross = this.before = null
    this.turn++
  }

  /** Bring the crosshairs to a point of a pane, and the other panes with them. */
  pointAt(pane: Pane, point: Vector): void {
    const frame = pane.picture?.plane()?.frameOfReference
    if (frame === undefined) return
    this.cross = { point, frame }
    showPoint(point, pane, this.panes())
  }

  /** Whether the crosshairs can go where a pane points. */
  reach(pane: Pane): boolean {
    return this.cross !== null && pane.picture?.plane()?.frameOfReference === this.cross.frame
  }

  /** A plane was moved, and may have left the point of the crosshairs. */
  moved(leader: Pane): void {
    if (this.cross) this.cross = { ...this.cross, point: pointAfter(this.cross.point, leader) }
  }
}

function seenIn(pane: Pane): Seen | null {
  const { study, series, as, slice } = pane.state
  return study && series && { choice: { study, series, as }, slice: slice || null, window: windowOf(pane) }
}

/** Null where it is the image's own: each brings its own along. */
function windowOf(pane: Pane): string | Window | null {
  const { preset, center, width, status } = pane.state
  if (preset !== '' || status !== 'shown') return preset || null
  const own = pane.presets().find(({ name }) => name === 'image')?.window
  const window = { center, width }
  return own && 'center' in own && isSameWindow(own, window) ? null : window
}

function stackOf(seen: Seen, { loaded, picture, state }: Pane, cross: Planes['cross']): Seen {
  const choice: Choice = { ...seen.choice, as: 'stack' }
  const plane = picture?.plane()
  if (state.as === 'stack' || !plane || !loaded?.geometry) return { ...seen, choice }
  const point = cross?.frame === plane.frameOfReference ? cross.point : plane.point
  const { depths, normal } = loaded.geometry
  return { ...seen, choice, slice: nearestIndex(depths, dot(point, normal)) + 1 }
}

/** @param point of the patient, where the pane is a plane */
async function showIn(pane: Pane, { choice, slice, window }: Seen, point: Vector | null = null): Promise<void> {
  await pane.show(choice, typeof window === 'string' ? window : '', slice)
  if (choice.as !== 'stack' && point) pane.picture?.jumpTo(point)
  else if (choice.as !== 'stack' && slice !== null) await pane.goTo(slice)
  if (window !== null && typeof window !== 'string') pane.window(window)
}
