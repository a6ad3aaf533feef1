/** Where a map lies, and whether any pane shows something of it now. */
import { Text } from '@mantine/core'
import { useSyncExternalStore } from 'react'
import { t } from '../i18n'
import type { MapPlace } from './mapPlace'

/** Whether any pane shows something of the map: read here alone, as it changes while the images are scrolled. */
export interface InView {
  subscribe: (listener: () => void) => () => void
  isInView: () => boolean
}

interface Props {
  place: MapPlace | null
  inView: InView
}

export function MapWhere({ place, inView }: Props) {
  const isInView = useSyncExternalStore(inView.subscribe, inView.isInView)
  if (!place) return <Text size="xs" role="status">{t('explanation.elsewhere')}</Text>
  const { series, first, last, total } = place
  const values = { series: series.series_description || series.modality, first, last, total, count: last - first + 1 }
  return (
    <Text size="xs" role="status" data-testid="explanation-place" data-in-view={isInView} {...(isInView && { c: 'dimmed' })}>
      {t(isInView ? 'explanation.in_view' : 'explanation.out_of_view', values)}
    </Text>
  )
}
