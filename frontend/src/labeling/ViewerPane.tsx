/** The images with their texts; everything about pixels happens in src/viewer. */
import { Center, Stack, Text } from '@mantine/core'
import type { RefObject } from 'react'
import { t } from '../i18n'
import type { PlanNotice } from '../viewer/messages'
import type { WorkstationState } from '../viewer/types'
import type { Workstation } from '../viewer/Workstation'
import { PaneGrid } from './PaneGrid'
import type { PaneStudy } from './PaneOverlay'
import type { DraggedSeries } from './seriesDrag'
import type { PointerKeys } from './useKeyPointer'
import { planText } from './viewerText'
import classes from './reading.module.css'

interface Props {
  /** Where the viewer draws. */
  element: RefObject<HTMLDivElement | null>
  state: WorkstationState
  studies: Readonly<Record<string, PaneStudy>>
  current: string | null
  hidesPatient: boolean
  workstation: Workstation | null
  isSupported: boolean
  pointer: PointerKeys
  /** What the hanging protocols could not find; null where nothing is amiss. */
  notice: PlanNotice | null
  onGoTo: (pane: number, slice: number) => void
  onDropSeries: (pane: number, series: DraggedSeries) => void
}

export function ViewerPane({ element, isSupported, notice, ...grid }: Props) {
  if (!isSupported) return <NoWebGL />
  return (
    <div className={classes.images} data-testid="viewer">
      <div ref={element} className={classes.canvas} data-testid="panes" />
      {grid.current !== null && <PaneGrid {...grid} />}
      {notice && (
        <div className={classes.planNotice} role="status" data-testid="plan-notice">
          {planText(notice)}
        </div>
      )}
    </div>
  )
}

function NoWebGL() {
  return (
    <Center h="100%" p="xl" data-testid="no-webgl">
      <Stack maw={460} gap="xs" role="alert">
        <Text fw={600} ta="center">
          {t('viewer.no_webgl')}
        </Text>
        <Text ta="center" c="dimmed">
          {t('viewer.no_webgl_help')}
        </Text>
      </Stack>
    </Center>
  )
}
