/** The texts over the panes, in the same grid that the workstation lays its panes out in. */
import { useEffect, useState } from 'react'
import type { WorkstationState } from '../viewer/types'
import { PaneOverlay, type PaneOverlayProps, type PaneStudy } from './PaneOverlay'
import { holdsSeries, type DraggedSeries } from './seriesDrag'
import classes from './reading.module.css'

interface Props {
  state: WorkstationState
  /** Facts of the studies that may be shown, by their uid. */
  studies: Readonly<Record<string, PaneStudy>>
  current: string | null
  hidesPatient: boolean
  onGoTo: (pane: number, slice: number) => void
  onDropSeries: (pane: number, series: DraggedSeries) => void
}

export function PaneGrid({ state, studies, current, hidesPatient, onGoTo, onDropSeries }: Props) {
  const isDragging = useSeriesDrag()
  const { maximised } = state
  const [rows, columns] = maximised === null ? state.layout.split('x').map(Number) : [1, 1]
  const style = { gridTemplateRows: `repeat(${rows}, minmax(0, 1fr))`, gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }
  const hasMany = state.panes.length > 1
  return (
    <div className={classes.panes} style={style} data-dragging={isDragging || undefined}>
      {state.panes.map((pane, index) => {
        if (maximised !== null && maximised !== index) return null
        const uid = pane.study?.study_instance_uid ?? null
        const overlay: PaneOverlayProps = {
          pane: index, state: pane, hidesPatient,
          study: uid === null ? null : (studies[uid] ?? null),
          isPrior: uid !== null && uid !== current,
          isActive: hasMany && index === state.active,
          onGoTo: (slice) => onGoTo(index, slice),
          onDropSeries: (series) => onDropSeries(index, series),
        }
        return <PaneOverlay key={index} {...overlay} />
      })}
    </div>
  )
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
