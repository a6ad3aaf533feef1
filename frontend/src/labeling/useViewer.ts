/** Connects the page to the viewer of one pane, in the shape of the workstation's state. */
import { useEffect, useRef, useState, type RefObject } from 'react'
import type { Study } from '../api/client'
import { hasWebGL2 } from '../viewer/setup'
import { EMPTY_STATE, StackViewer, type ViewerState } from '../viewer/StackViewer'
import type { PaneState, WorkstationState } from '../viewer/types'

export interface ViewerConnection {
  element: RefObject<HTMLDivElement | null>
  viewer: StackViewer | null
  state: WorkstationState
  isSupported: boolean
  series: string | null
  onSeries: (uid: string) => void
}

export function useViewer(root: string, study: Study | null): ViewerConnection {
  const element = useRef<HTMLDivElement>(null)
  const [viewer, setViewer] = useState<StackViewer | null>(null)
  const [state, setState] = useState<ViewerState>(EMPTY_STATE)
  const [chosen, setChosen] = useState<string | null>(null)
  const [isSupported] = useState(hasWebGL2)
  const series = study?.series.find((one) => one.series_instance_uid === chosen) ?? study?.series[0] ?? null

  useEffect(() => {
    if (!element.current || !isSupported) return undefined
    const created = new StackViewer(root, element.current)
    let isGone = false
    const unsubscribe = created.subscribe(setState)
    void created.start().then(() => {
      if (!isGone) setViewer(created)
    })
    return () => {
      isGone = true
      unsubscribe()
      setViewer(null)
      created.destroy()
    }
  }, [root, isSupported])

  useEffect(() => {
    if (!viewer) return
    if (study && series) void viewer.show(study, series)
    else viewer.clear()
  }, [viewer, study, series])

  useEffect(() => {
    if (!viewer || !study) return undefined
    return () => viewer.forget(study)
  }, [viewer, study])

  const pane = paneOf(state, study, series)
  return {
    element, viewer, isSupported,
    state: {
      layout: '1x1', active: 0, panes: [pane], tool: 'window', hasReferenceLines: false,
      links: { scroll: false, window: false, zoom: false },
    },
    series: series?.series_instance_uid ?? null,
    onSeries: setChosen,
  }
}

function paneOf(state: ViewerState, study: Study | null, series: Study['series'][number] | null): PaneState {
  const { status, message, slice, slices, center, width, zoom, edges } = state
  return {
    status, message, study, series, as: 'stack', slice, slices, loaded: slices, center, width, zoom, edges,
    isInverted: false, isPlaying: false, preset: '', notice: slices > 1 ? (series?.not_a_volume ?? '') : '',
    spacing: 'patient', place: null, slab: null,
  }
}
