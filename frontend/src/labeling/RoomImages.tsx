/** The images and the strip of series beside them, connected to the workstation. */
import { Alert, Button, Text } from '@mantine/core'
import type { Reading } from '../api/client'
import { t } from '../i18n'
import type { WorkstationState } from '../viewer/types'
import type { Workstation } from '../viewer/Workstation'
import { keyed } from './actions'
import { MaskNotice } from './MaskNotice'
import type { PaneStudy } from './PaneOverlay'
import { SeriesStrip } from './SeriesStrip'
import type { DraggedSeries } from './seriesDrag'
import type { PointerKeys } from './useKeyPointer'
import type { Masks } from './useMasks'
import { useLiveState } from './useMoving'
import type { ViewerConnection } from './useWorkstation'
import { ViewerPane } from './ViewerPane'

interface Props {
  viewer: ViewerConnection
  reading: Reading | null
  pointer: PointerKeys
  masks: Masks
}

export function RoomImages({ viewer, reading, pointer, masks }: Props) {
  const { element, workstation, isSupported, notice, graphics } = viewer
  const state = useLiveState(workstation, viewer.state)
  const studies: Record<string, PaneStudy> = Object.fromEntries(
    studiesOf(reading).map((study) => [study.study_instance_uid, study]),
  )
  const drop = (pane: number, { study_instance_uid, series_instance_uid }: DraggedSeries) => {
    const study = studiesOf(reading).find((one) => one.study_instance_uid === study_instance_uid)
    const series = study?.series.find((one) => one.series_instance_uid === series_instance_uid)
    if (study && series) void workstation?.show(pane, { study, series, as: 'stack' })
  }
  return (
    <>
      {graphics.isLost && (
        <Alert color="orange" title={t('graphics.lost')} data-testid="graphics-lost" role="alert">
          <Text size="sm" mb="xs">
            {t('graphics.lost_help')}
          </Text>
          <Button {...keyed('graphics_restart')} size="xs" variant="default" onClick={graphics.restart}>
            {t('graphics.again')}
          </Button>
        </Alert>
      )}
      <ViewerPane
        element={element}
        state={state}
        workstation={workstation}
        isSupported={isSupported}
        notice={notice}
        pointer={pointer}
        studies={studies}
        current={reading?.study.study_instance_uid ?? null}
        hidesPatient={reading?.options.hides_patient ?? false}
        onGoTo={(pane, slice) => {
          workstation?.activate(pane)
          void workstation?.goTo(slice)
        }}
        onDropSeries={drop}
      />
      {masks.loading && <MaskNotice loading={masks.loading} onAgain={() => masks.editor.current?.retry()} />}
    </>
  )
}

interface StripProps {
  root: string
  reading: Reading
  workstation: Workstation | null
  state: WorkstationState
}

export function RoomStrip({ root, reading, workstation, state }: StripProps) {
  const shown = state.panes.flatMap(({ series }) => (series ? [series.series_instance_uid] : []))
  return (
    <SeriesStrip
      root={root}
      study={reading.study}
      priors={reading.priors}
      shown={shown}
      active={state.panes[state.active]?.series?.series_instance_uid ?? null}
      onShow={(study, series) => void workstation?.show(state.active, { study, series, as: 'stack' })}
    />
  )
}

function studiesOf(reading: Reading | null): Reading['study'][] {
  return reading ? [reading.study, ...reading.priors] : []
}
