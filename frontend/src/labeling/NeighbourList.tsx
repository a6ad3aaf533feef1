/** The labeled cases that look most like the open one: a picture, what readers agreed on, and how far. */
import { Stack, Text } from '@mantine/core'
import { IconPhotoOff } from '@tabler/icons-react'
import { useState } from 'react'
import type { Schemas } from '../api/client'
import { formatNumber, t } from '../i18n'
import { shownAnswers } from './answerText'
import type { Question } from './definition'
import classes from './panel.module.css'

interface Props {
  /** Address of the DICOMweb service of the project. */
  root: string
  neighbours: readonly Schemas['Neighbour'][]
  questions: readonly Question[]
}

const DECIMALS = 3

export function NeighbourList({ root, neighbours, questions }: Props) {
  if (neighbours.length === 0) return <Text size="sm" c="dimmed">{t('explanation.no_neighbours')}</Text>
  return (
    <ul className={classes.neighbours} data-testid="neighbours">
      {neighbours.map((near) => (
        <li key={near.case_id} className={classes.neighbour}>
          <Picture root={root} near={near} />
          <Stack gap={0}>
            <Text size="xs">{Object.keys(near.answers).length > 0 ? shownAnswers(near.answers, questions) : t('explanation.no_answers')}</Text>
            <Text size="xs" c="dimmed" className={classes.facts ?? ''}>
              {t('explanation.distance', { distance: formatNumber(near.distance, DECIMALS) })}
            </Text>
          </Stack>
        </li>
      ))}
    </ul>
  )
}

function Picture({ root, near }: { root: string; near: Schemas['Neighbour'] }) {
  const { study_instance_uid: study, series_instance_uid: series } = near
  const [isBroken, setBroken] = useState(series === '')
  if (isBroken) return <span className={classes.noNeighbour}><IconPhotoOff aria-hidden="true" /></span>
  return <img src={`${root}/studies/${study}/series/${series}/thumbnail`} alt="" loading="lazy" onError={() => setBroken(true)} />
}
