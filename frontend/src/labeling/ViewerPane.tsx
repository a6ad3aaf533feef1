/** The image with its corner text; everything about pixels happens in src/viewer. */
import { Center, Loader, Stack, Text } from '@mantine/core'
import { useEffect, useRef, useState, useSyncExternalStore } from 'react'
import type { Study } from '../api/client'
import { hasWebGL2 } from '../viewer/setup'
import { EMPTY_STATE, StackViewer, type ViewerState } from '../viewer/StackViewer'
import classes from './reading.module.css'

interface Props {
  root: string
  study: Study | null
  onReady: (viewer: StackViewer | null) => void
}

export function ViewerPane({ root, study, onReady }: Props) {
  const element = useRef<HTMLDivElement>(null)
  const [viewer, setViewer] = useState<StackViewer | null>(null)
  const isSupported = hasWebGL2()

  useEffect(() => {
    if (!element.current || !isSupported) return undefined
    const created = new StackViewer(root, element.current)
    let isGone = false
    void created.start().then(() => {
      if (isGone) return
      setViewer(created)
      onReady(created)
    })
    return () => {
      isGone = true
      setViewer(null)
      onReady(null)
      created.destroy()
    }
  }, [root, onReady, isSupported])

  useEffect(() => {
    const series = study?.series[0]
    if (!viewer) return undefined
    if (!study || !series) {
      viewer.clear()
      return undefined
    }
    void viewer.show(study, series)
    return () => viewer.forget(study)
  }, [viewer, study])

  if (!isSupported) return <NoWebGL />
  return (
    <div className={classes.viewer} data-testid="viewer">
      <div ref={element} className={classes.canvas} />
      {viewer && <Overlay viewer={viewer} study={study} />}
    </div>
  )
}

function Overlay({ viewer, study }: { viewer: StackViewer; study: Study | null }) {
  const [store] = useState(() => {
    let current: ViewerState = EMPTY_STATE
    return {
      subscribe: (notify: () => void) =>
        viewer.subscribe((state) => {
          current = state
          notify()
        }),
      get: () => current,
    }
  })
  const state = useSyncExternalStore(store.subscribe, store.get)
  const series = study?.series[0]
  return (
    <div className={classes.overlay} data-status={state.status} data-testid="overlay">
      <div className={classes.topLeft}>
        {study?.study_date ?? ''}
        <br />
        {study?.study_description}
      </div>
      <div className={classes.topRight}>
        {series?.modality} {series?.series_description}
        <br />
        {[study?.patient_sex, study?.patient_age].filter(Boolean).join(' ')}
      </div>
      {state.status === 'shown' && (
        <>
          <div className={classes.bottomLeft} data-testid="window">
            W {Math.round(state.width)} L {Math.round(state.center)}
            <br />
            Zoom {state.zoom.toFixed(2)}
          </div>
          <div className={classes.bottomRight} data-testid="slice">
            {state.slice}/{state.slices}
            {state.slices > 1 && series?.not_a_volume ? ` · ${series.not_a_volume}` : ''}
          </div>
        </>
      )}
      {state.edges && (
        <>
          <div className={classes.left}>{state.edges.left}</div>
          <div className={classes.right}>{state.edges.right}</div>
          <div className={classes.top}>{state.edges.top}</div>
          <div className={classes.bottom}>{state.edges.bottom}</div>
        </>
      )}
      {state.status === 'loading' && <CenteredLoader />}
      {state.status === 'failed' && <CannotShow message={state.message} />}
      {state.status === 'empty' && study && <CannotShow message="This study holds no images." />}
    </div>
  )
}

function CenteredLoader() {
  return (
    <Center h="100%">
      <Loader color="gray" aria-label="Loading the image" />
    </Center>
  )
}

function CannotShow({ message }: { message: string }) {
  return (
    <Center h="100%">
      <Stack align="center" gap="xs" maw={420}>
        <Text fw={600}>The image cannot be shown</Text>
        <Text c="dimmed" ta="center">
          {message}
        </Text>
      </Stack>
    </Center>
  )
}

function NoWebGL() {
  return (
    <Center h="100%" p="xl">
      <Text maw={460} ta="center">
        This browser has no WebGL 2, which the viewer needs. Turn on hardware acceleration, or use a
        current Chrome, Edge or Firefox.
      </Text>
    </Center>
  )
}
