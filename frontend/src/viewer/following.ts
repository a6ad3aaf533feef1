/** What the other panes do when one is moved: linked scrolling, windows, zoom, lines, crosshairs. */
import type { Vector } from './geometry'
import { areParallel, crossSection, projected, relativeIndex } from './linking'
import type { Pane } from './Pane'
import type { Links } from './types'

/** Bring the other panes to where the leader is. Only what is linked, only where it makes sense. */
export function follow(leader: Pane, panes: readonly Pane[], links: Links): void {
  for (const pane of panes) {
    if (pane === leader || !pane.picture) continue
    if (links.scroll) followSlice(leader, pane)
    if (links.window && leader.state.series?.modality === pane.state.series?.modality) {
      followWindow(leader, pane)
    }
    if (links.zoom && Math.abs(pane.state.zoom - leader.state.zoom) > 1e-3) {
      pane.setZoom(leader.state.zoom)
    }
  }
}

function followWindow(leader: Pane, pane: Pane): void {
  const { center, width } = leader.state
  if (center !== pane.state.center || width !== pane.state.width) pane.window({ center, width })
}

/** By position in the patient within one frame of reference, else by the share of the way. Images that lie across one
 * another neither follow nor lead: the next one is no step to anywhere. */
function followSlice(leader: Pane, pane: Pane): void {
  if (leader.picture?.isScattered() || pane.picture?.isScattered()) return
  const from = leader.picture?.plane() ?? null
  const to = pane.picture?.plane() ?? null
  if (from && to && from.frameOfReference === to.frameOfReference) {
    if (areParallel(from.normal, to.normal)) pane.picture?.jumpTo(from.point)
    return
  }
  if (!leader.picture || !pane.picture) return
  const { slice, slices } = leader.state
  const wanted = relativeIndex(slice - 1, slices, pane.picture.count)
  if (wanted !== pane.picture.index()) void pane.goTo(wanted + 1).catch(() => undefined)
}

/** Show a point of one pane in all others of its frame of reference. */
export function showPoint(point: Vector, source: Pane, panes: readonly Pane[]): void {
  const from = source.picture?.plane()
  for (const pane of panes) {
    const frame = pane.picture?.plane()?.frameOfReference
    if (pane !== source && frame && frame === from?.frameOfReference) pane.picture?.jumpTo(point)
  }
}

/** The crosshairs' point after one of its planes was scrolled away under it. */
export function pointAfter(point: Vector, leader: Pane): Vector {
  const plane = leader.picture?.volumeId != null ? leader.picture.plane() : null
  return plane ? projected(point, plane) : point
}

/** Draw what panes say about one another: the source's cut, and the point of the crosshairs. */
export function drawMarkings(
  panes: readonly Pane[], source: Pane | undefined, cross: { point: Vector; frame: string } | null,
): void {
  const cut = source?.picture?.plane() ?? null
  for (const pane of panes) {
    const { picture } = pane
    const isMarked = cross !== null || (cut !== null && pane !== source)
    const plane = isMarked ? (picture?.plane() ?? null) : null
    if (!picture || !plane) {
      pane.markings.draw(null, null)
      continue
    }
    const toCanvas = (point: Vector) => picture.viewport.worldToCanvas([...point])
    const isCut = cut !== null && pane !== source && cut.frameOfReference === plane.frameOfReference
    const section = isCut ? crossSection(cut.corners, plane) : null
    const isCrossed = cross !== null && picture.volumeId !== null && cross.frame === plane.frameOfReference
    pane.markings.draw(
      section && [toCanvas(section[0]), toCanvas(section[1])],
      isCrossed ? toCanvas(cross.point) : null,
    )
  }
}
