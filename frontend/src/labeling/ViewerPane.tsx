/** The panes with their corner text; everything about pixels happens in src/viewer. */
import { Center, Loader, Stack, Text } from '@mantine/core'
import { useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { createPortal } from 'react-dom'
import type { Study } from '../api/client'
import { planFor } from '../viewer/hanging'
import { hasWebGL2 } from '../viewer/setup'
import type { PaneState } from '../viewer/types'
import { EMPTY_STATE, Workstation } from '../viewer/Workstation'
import classes from './reading.module.css'

interface Props {
  root: string
  study: Study | null
  onReady: (workstation: Workstation | null) => void
}

export function ViewerPane({ root, study, onReady }: Props) {
  const element = useRef<HTMLDivElement>(null)
  const [workstation, setWorkstation] = useState<Workstation | null>(null)
  const isSupported = hasWebGL2()

  useEffect(() => {
    const host = element.current
    if (!host || !isSupported) return undefined
    const created = new Workstation(root, host)
    let isGone = false
    void created.start().then(() => {
      if (isGone) return
      // Whoever looks for a fault in a running page, and the tests, find it at its element.
      Object.assign(host, { workstation: created })
      setWorkstation(created)
      onReady(created)
    })
    return () => {
      isGone = true
      setWorkstation(null)
      onReady(null)
      created.destroy()
    }
  }, [root, onReady, isSupported])

  useEffect(() => {
    if (!workstation) return undefined
    if (!study) {
      workstation.close()
      return undefined
    }
    workstation.open(study, [], planFor(study, [], []))
    return () => workstation.forget(study)
  }, [workstation, study])

  if (!isSupported) return <NoWebGL />
  return (
    <div className={classes.viewer} data-testid="viewer">
      <div ref={element} className={classes.canvas} data-testid="panes" />
      {workstation && <Overlays workstation={workstation} study={study} />}
    </div>
  )
}

/** One overlay inside every pane's element. */
function Overlays({ workstation, study }: { workstation: Workstation; study: Study | null }) {
  const [store] = useState(() => {
    let current = EMPTY_STATE
    return {
      subscribe: (notify: () => void) =>
        workstation.subscribe((state) => {
          current = state
          notify()
        }),
      get: () => current,
    }
  })
  const { panes } = useSyncExternalStore(store.subscribe, store.get)
  return panes.map((pane, number) => {
    const element = workstation.paneElement(number)
    return element && createPortal(<Overlay pane={pane} study={study} />, element, number)
  })
}

function Overlay({ pane, study }: { pane: PaneState; study: Study | null }) {
  const { status, series } = pane
  // A pane may show an earlier study.
  const shown = pane.study ?? study
  return (
    <div className={classes.overlay} data-status={status} data-testid="overlay">
      <div className={classes.topLeft}>
        {shown?.study_date ?? ''}
        <br />
        {shown?.study_description}
      </div>
      <div className={classes.topRight}>
        {series?.modality} {series?.series_description}
        <br />
        {[study?.patient_sex, study?.patient_age].filter(Boolean).join(' ')}
      </div>
      {status === 'shown' && <Facts pane={pane} />}
      {pane.edges && (
        <>
          <div className={classes.left} data-testid="edge-left">{pane.edges.left}</div>
          <div className={classes.right} data-testid="edge-right">{pane.edges.right}</div>
          <div className={classes.top} data-testid="edge-top">{pane.edges.top}</div>
          <div className={classes.bottom} data-testid="edge-bottom">{pane.edges.bottom}</div>
        </>
      )}
      {status === 'loading' && <CenteredLoader />}
      {status === 'failed' && <CannotShow message={pane.message} />}
      {status === 'empty' && study?.series.length === 0 && (
        <CannotShow message="This study holds no images." />
      )}
    </div>
  )
}

function Facts({ pane }: { pane: PaneState }) {
  return (
    <>
      <div className={classes.bottomLeft} data-testid="window">
        W {Math.round(pane.width)} L {Math.round(pane.center)}
        <br />
        Zoom {pane.zoom.toFixed(2)}
      </div>
      <div className={classes.bottomRight} data-testid="slice">
        {pane.slices > 1 && pane.notice && <div data-testid="notice">{pane.notice}</div>}
        {pane.slice}/{pane.slices}
      </div>
    </>
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
