/** Brings the place where something is amiss before the reader's eyes. */
import type { ViewerStudy } from '../viewer/dicomweb'
import { middleOf } from '../viewer/regions/shapes'
import type { Region } from '../viewer/types'
import type { Workstation } from '../viewer/Workstation'
import type { Target } from './amiss'

/** A series goes into the active pane unless another one shows it; a frame is shown in a stack, where
 * its questions stand. */
export async function goThere(
  target: Target, study: ViewerStudy, workstation: Workstation, select: (region: string | null) => void,
): Promise<void> {
  const isFrame = 'sop_instance_uid' in target
  if (isFrame) select(target.region)
  const series = study.series.find((one) => isFrame
    ? one.instances.some(({ sop_instance_uid }) => sop_instance_uid === target.sop_instance_uid)
    : one.series_instance_uid === target.series_instance_uid)
  if (!series) return
  const { panes, active } = workstation.state
  const shownIn = [active, ...panes.keys()].find((pane) => {
    const shown = panes[pane]
    return shown?.series?.series_instance_uid === series.series_instance_uid && (!isFrame || shown.as === 'stack')
  })
  if (shownIn === undefined) await workstation.show(active, { study, series, as: 'stack' })
  else workstation.activate(shownIn)
  if (isFrame) await workstation.jumpTo(target.sop_instance_uid, target.frame, target.pixel)
}

/** The middle of a region, in the active pane. */
export function goToRegion({ sop_instance_uid, frame, pixels }: Region, workstation: Workstation | null): void {
  void workstation?.jumpTo(sop_instance_uid, frame, middleOf(pixels))
}
