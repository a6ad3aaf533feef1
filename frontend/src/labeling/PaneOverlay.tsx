/** What is written over a pane: the facts of the corners, the sides of the patient, progress and trouble. */
import { Button, Center, Loader, Stack, Text } from '@mantine/core'
import { memo, useState, type CSSProperties, type ReactNode } from 'react'
import { formatDate, formatNumber, t } from '../i18n'
import type { EdgeLetters } from '../viewer/geometry'
import { isWhole } from '../viewer/movement'
import type { PaneState, Slab } from '../viewer/types'
import type { Workstation } from '../viewer/Workstation'
import { keyed } from './actions'
import { holdsSeries, takeSeries, type DraggedSeries } from './seriesDrag'
import { spacingText } from './statisticsText'
import { useLivePane } from './useMoving'
import { presetText, troubleText, volumeText } from './viewerText'
import classes from './reading.module.css'

/** Facts of the study that the corners show; patient data is left out where the project hides it. */
export interface PaneStudy {
  study_instance_uid: string
  study_date: string | null
  study_description: string
  patient_id: string
  patient_sex: string
  patient_age: string
}

export interface PaneOverlayProps {
  pane: number
  /** What stands still while a hand moves the images; the texts that do not ask `workstation`. */
  state: PaneState
  workstation: Workstation | null
  study: PaneStudy | null
  isPrior: boolean
  isActive: boolean
  hidesPatient: boolean
  onGoTo: (slice: number) => void
  onDropSeries: (series: DraggedSeries) => void
}

export function PaneOverlay(props: PaneOverlayProps) {
  const { pane, state, isActive, onDropSeries } = props
  const [isOver, setOver] = useState(false)
  return (
    <div
      className={classes.overlay}
      data-status={state.status}
      data-testid="overlay"
      data-pane={pane}
      data-loaded={isWhole(state) ? 'all' : undefined}
      data-active={isActive || undefined}
      data-over={isOver || undefined}
      role="group"
      aria-label={t('pane.title', { number: pane + 1 })}
      onDragOver={(event) => {
        if (!holdsSeries(event.dataTransfer)) return
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault()
        setOver(false)
        const series = takeSeries(event.dataTransfer)
        if (series) onDropSeries(series)
      }}
    >
      {state.status === 'shown' && <Shown {...props} />}
      {state.status === 'loading' && (
        <Center h="100%">
          <Loader color="gray" aria-label={t('pane.loading')} role="status" />
        </Center>
      )}
      {state.status === 'failed' && (
        <>
          <Message title={t('pane.failed')} text={state.trouble ? troubleText(state.trouble) : ''} isAlert>
            <Button {...keyed('images_again')} className={classes.again} size="xs" variant="default" onClick={() => props.workstation?.retry()}>
              {t('pane.again')}
            </Button>
          </Message>
          {state.slices > 1 && <SliceBar {...props} />}
        </>
      )}
      {state.status === 'empty' && <Message title={t('pane.empty')} text={t('pane.empty_help')} />}
    </div>
  )
}

function Shown(props: PaneOverlayProps) {
  const { state, study, isPrior, hidesPatient } = props
  const { series } = state
  const patient = study && !hidesPatient ? [study.patient_id, study.patient_sex, study.patient_age] : []
  return (
    <>
      <div className={classes.topLeft}>
        {isPrior && <div className={classes.prior}>{t('pane.prior')}</div>}
        <div>{study?.study_date ? formatDate(study.study_date) : ''}</div>
        <div>{study?.study_description}</div>
      </div>
      <div className={classes.topRight}>
        <div>
          {series?.modality} {series?.series_description}
        </div>
        <div>{patient.filter((fact) => fact !== '').join(' ')}</div>
      </div>
      <Moving {...props} />
    </>
  )
}

/** What changes with every step: the only part that is drawn anew then. */
function Moving(props: PaneOverlayProps) {
  const state = useLivePane(props.workstation, props.pane, props.state)
  return (
    <>
      <WindowText {...windowIn(state)} />
      <PositionText state={state} />
      {state.edges && <Edges {...state.edges} />}
      {state.slices > 1 && <SliceBar {...props} state={state} />}
    </>
  )
}

const Edges = memo(({ left, right, top, bottom }: EdgeLetters) => (
  <>
    <div className={classes.left} data-testid="edge-left">{left}</div>
    <div className={classes.right} data-testid="edge-right">{right}</div>
    <div className={classes.top} data-testid="edge-top">{top}</div>
    <div className={classes.bottom} data-testid="edge-bottom">{bottom}</div>
  </>
))
Edges.displayName = 'Edges'

type WindowFacts = Pick<PaneState, 'center' | 'width' | 'zoom' | 'preset' | 'slab' | 'spacing'>

function windowIn({ center, width, zoom, preset, slab, spacing }: PaneState): WindowFacts {
  return { center, width, zoom, preset, slab, spacing }
}

/** Kept while the slices pass under one window. */
const WindowText = memo(({ center, width, zoom, preset, slab, spacing }: WindowFacts) => {
  return (
    <div className={classes.bottomLeft} data-testid="window">
      {/* Said only where millimetres are not the patient's own. */}
      {spacing !== 'patient' && <div>{spacingText(spacing)}</div>}
      {slab && <div>{slabText(slab)}</div>}
      {preset !== '' && <div>{presetText(preset)}</div>}
      <div>{t('pane.window', { width: formatNumber(width, precision(width)), center: formatNumber(center, precision(width)) })}</div>
      <div>{t('pane.zoom', { zoom: formatNumber(zoom, 2) })}</div>
    </div>
  )
})
WindowText.displayName = 'WindowText'

function slabText({ mm, mode }: Slab): string {
  const name = t(`slab.${mode}`)
  return mm === null ? t('pane.slab_whole', { mode: name }) : t('pane.slab', { mode: name, mm: formatNumber(mm, 0) })
}

/** Windows of a few units (PET, parameter maps) need their decimals. */
function precision(width: number): number {
  return width < 10 ? 2 : 0
}

function PositionText({ state }: { state: PaneState }) {
  const { slice, slices, loaded, frames, notice, as } = state
  return (
    <div className={classes.bottomRight} data-testid="slice">
      {notice && <div className={classes.notice} data-testid="notice">{volumeText(notice)}</div>}
      {as !== 'stack' && <div>{t(`plane.${as}`)}</div>}
      {loaded < frames && <div>{t('pane.loaded', { loaded, slices: frames })}</div>}
      <div>{t('pane.slice', { slice: String(slice), slices: String(slices) })}</div>
    </div>
  )
}

function SliceBar({ state, pane, onGoTo }: PaneOverlayProps) {
  const { slice, slices, loaded, frames } = state
  /** Where the hand has it. The slice follows a little later: once let go, the bar waits for it from the one it
   * stood at, and does not jump back. */
  const [held, setHeld] = useState<{ at: number; from: number | null } | null>(null)
  const letGo = () => setHeld((now) => now && { ...now, from: slice })
  if (held && held.from !== null && (slice === held.at || slice !== held.from)) setHeld(null)
  const style = { '--loaded': `${(100 * Math.min(loaded, frames)) / Math.max(frames, 1)}%` } as CSSProperties
  return (
    <input
      {...keyed('slice_next')}
      type="range"
      className={classes.sliceBar}
      style={style}
      min={1}
      max={slices}
      value={held?.at ?? slice}
      aria-label={t('pane.slice_bar', { number: pane + 1 })}
      aria-valuetext={t('pane.slice', { slice: String(slice), slices: String(slices) })}
      onChange={(event) => {
        const wanted = Number(event.currentTarget.value)
        setHeld({ at: wanted, from: null })
        onGoTo(wanted)
      }}
      onKeyUp={letGo}
      onBlur={letGo}
      onPointerUp={(event) => event.currentTarget.blur()}
    />
  )
}

interface MessageProps {
  title: string
  text: string
  isAlert?: boolean
  children?: ReactNode
}

function Message({ title, text, isAlert = false, children }: MessageProps) {
  return (
    <Center h="100%">
      <Stack align="center" gap="xs" maw={420} p="sm" {...(isAlert ? { role: 'alert' } : {})}>
        <Text fw={600}>{title}</Text>
        <Text c="dimmed" ta="center">
          {text}
        </Text>
        {children}
      </Stack>
    </Center>
  )
}
