/** The texts over the panes: each lives inside the viewer's own element of its pane, and follows it. */
import { useEffect, useState } from 'react'
import { createPortal } from 'react-dom'
import type { WorkstationState } from '../viewer/types'
import type { Workstation } from '../viewer/Workstation'
import { PointerText } from './PointerText'
import { PaneOverlay, type PaneOverlayProps, type PaneStudy } from './PaneOverlay'
import { holdsSeries, type DraggedSeries } from './seriesDrag'
import type { PointerKeys } from './useKeyPointer'
import classes from './reading.module.css'

interface Props {
  state: WorkstationState
  /** Facts of the studies that may be shown, by their uid. */
  studies: Readonly<Record<string, PaneStudy>>
  current: string | null
  hidesPatient: boolean
  workstation: Workstation | null
  pointer: PointerKeys
  onGoTo: (pane: number, slice: number) => void
  onDropSeries: (pane: number, series: DraggedSeries) => void
}

export function PaneGrid({ state, studies, current, hidesPatient, workstation, pointer, onGoTo, onDropSeries }: Props) {
  const isDragging = useSeriesDrag()
  const hasMany = state.panes.length > 1
  const overlays = state.panes.map((pane, index) => {
    const uid = pane.study?.study_instance_uid ?? null
    const overlay: PaneOverlayProps = {
      pane: index, state: pane, workstation, hidesPatient,
      study: uid === null ? null : (studies[uid] ?? null),
      isPrior: uid !== null && uid !== current,
      isActive: hasMany && index === state.active,
      onGoTo: (slice) => onGoTo(index, slice),
      onDropSeries: (series) => onDropSeries(index, series),
    }
    return <PaneOverlay key={index} {...overlay} />
  })
  return overlays.map((overlay, index) => {
    const element = workstation?.paneElement(index)
    const inside = (
      <div className={classes.panes} data-dragging={isDragging || undefined}>
        {overlay}
        {index === state.active && <PointerText pointer={pointer} />}
      </div>
    )
    return element && createPortal(inside, element, String(index))
  })
}

/** Whether a series is being dragged: only then the texts catch the mouse instead of the image. */
function useSeriesDrag(): boolean {
  const [isDragging, setDragging] = useState(false)
  useEffect(() => {
    const begin = (event: DragEvent) => setDragging(event.dataTransfer !== null && holdsSeries(event.dataTransfer))
    const end = () => setDragging(false)
    window.addEventListener('dragstart', begin)
    window.addEventListener('dragend', end)
    window.addEventListener('drop', end)
    return () => {
      window.removeEventListener('dragstart', begin)
      window.removeEventListener('dragend', end)
      window.removeEventListener('drop', end)
    }
  }, [])
  return isDragging
}
