/** The series of the study and of earlier ones as pictures: drag one onto a pane, or press Enter on it. */
import { Text } from '@mantine/core'
import { IconPhotoOff } from '@tabler/icons-react'
import { useState } from 'react'
import { formatDate, t } from '../i18n'
import { seriesUrl, type ViewerSeries, type ViewerStudy } from '../viewer/dicomweb'
import { keyed } from './actions'
import { releaseFocus } from './focus'
import { putSeries } from './seriesDrag'
import classes from './reading.module.css'

export interface StripStudy extends ViewerStudy {
  study_date: string | null
  study_description: string
}

export interface SeriesStripProps {
  /** Address of the DICOMweb service of the project. */
  root: string
  study: StripStudy
  /** Earlier studies of the same patient, newest first. */
  priors: readonly StripStudy[]
  /** Series that stand in a pane; the one of the active pane is marked. */
  shown: readonly string[]
  active: string | null
  onShow: (study: StripStudy, series: ViewerSeries) => void
}

export function SeriesStrip(props: SeriesStripProps) {
  const { study, priors } = props
  return (
    <>
      <StudySeries {...props} of={study} title={t('strip.current')} />
      {priors.map((prior) => (
        <StudySeries key={prior.study_instance_uid} {...props} of={prior} title={t('strip.prior', { date: dateOf(prior) })} />
      ))}
    </>
  )
}

function dateOf(study: StripStudy): string {
  return study.study_date === null ? t('strip.no_date') : formatDate(study.study_date)
}

function StudySeries({ of, title, ...strip }: SeriesStripProps & { of: StripStudy; title: string }) {
  return (
    <section aria-label={title}>
      <Text component="h2" size="xs" fw={600} c="dimmed" my={4}>
        {title}
      </Text>
      {of.series.length === 0 && (
        <Text size="xs" c="dimmed">
          {t('strip.empty')}
        </Text>
      )}
      {of.series.map((series) => (
        <Thumbnail key={series.series_instance_uid} {...strip} of={of} series={series} />
      ))}
    </section>
  )
}

function Thumbnail({ root, of, series, shown, active, onShow }: SeriesStripProps & { of: StripStudy; series: ViewerSeries }) {
  const [isBroken, setBroken] = useState(false)
  const uid = series.series_instance_uid
  const frames = series.instances.reduce((sum, instance) => sum + instance.number_of_frames, 0)
  const title = series.series_description || t('strip.unnamed')
  const isShown = shown.includes(uid)
  return (
    <button
      {...keyed('series_next')}
      type="button"
      className={classes.thumbnail}
      data-testid="series"
      data-shown={isShown || undefined}
      aria-current={active === uid ? 'true' : undefined}
      title={t('strip.hint', { title })}
      draggable
      onDragStart={(event) => putSeries(event.dataTransfer, { study_instance_uid: of.study_instance_uid, series_instance_uid: uid })}
      onClick={releaseFocus(() => onShow(of, series))}
    >
      {isBroken ? (
        <span className={classes.noPicture}>
          <IconPhotoOff aria-hidden="true" />
        </span>
      ) : (
        <img src={`${seriesUrl(root, of, series)}/thumbnail`} alt="" loading="lazy" draggable={false} onError={() => setBroken(true)} />
      )}
      <span className={classes.seriesName}>{title}</span>
      <span className={classes.seriesSize}>{t('strip.size', { modality: series.modality, count: frames })}</span>
    </button>
  )
}
