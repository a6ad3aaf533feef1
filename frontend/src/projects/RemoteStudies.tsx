/** The studies that a source lists, with their series to look into before pulling. */
import { ActionIcon, Badge, Checkbox, Group, Image, Stack, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Fragment, useState } from 'react'
import { api, good, type Schemas } from '../api/client'
import { t } from '../i18n'
import { Empty, Loaded } from '../ui/states'
import { shownDate, shownName } from './studySearch'

interface Place {
  project_id: string
  source_id: string
}

interface Props extends Place {
  studies: Schemas['RemoteStudy'][]
  chosen: ReadonlySet<string>
  onChoose: (chosen: ReadonlySet<string>) => void
}

export function RemoteStudies({ studies, chosen, onChoose, ...place }: Props) {
  const [open, setOpen] = useState<string | null>(null)
  const uids = studies.map((study) => study.study_instance_uid)
  const onPage = uids.filter((uid) => chosen.has(uid)).length
  const change = (changed: string[], isChosen: boolean) => {
    const others = [...chosen].filter((uid) => !changed.includes(uid))
    onChoose(new Set(isChosen ? [...others, ...changed] : others))
  }
  return (
    <Table verticalSpacing="xs">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>
            <Checkbox
              aria-label={t('sources.choose_all')}
              checked={onPage === uids.length}
              indeterminate={onPage > 0 && onPage < uids.length}
              onChange={(event) => change(uids, event.currentTarget.checked)}
            />
          </Table.Th>
          <Table.Th>{t('sources.patient')}</Table.Th>
          <Table.Th>{t('sources.patient_id')}</Table.Th>
          <Table.Th>{t('sources.date')}</Table.Th>
          <Table.Th>{t('sources.modalities')}</Table.Th>
          <Table.Th>{t('sources.description')}</Table.Th>
          <Table.Th ta="right">{t('sources.images')}</Table.Th>
          <Table.Th aria-label={t('sources.series')} />
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {studies.map((study) => (
          <Fragment key={study.study_instance_uid}>
            <StudyRow
              study={study}
              isChosen={chosen.has(study.study_instance_uid)}
              onChoose={(isChosen) => change([study.study_instance_uid], isChosen)}
              isOpen={open === study.study_instance_uid}
              onOpen={(isOpen) => setOpen(isOpen ? study.study_instance_uid : null)}
            />
            {open === study.study_instance_uid && (
              <Table.Tr>
                <Table.Td />
                <Table.Td colSpan={7}>
                  <SeriesPreview {...place} study_uid={study.study_instance_uid} />
                </Table.Td>
              </Table.Tr>
            )}
          </Fragment>
        ))}
      </Table.Tbody>
    </Table>
  )
}

interface RowProps {
  study: Schemas['RemoteStudy']
  isChosen: boolean
  onChoose: (isChosen: boolean) => void
  isOpen: boolean
  onOpen: (isOpen: boolean) => void
}

function StudyRow({ study, isChosen, onChoose, isOpen, onOpen }: RowProps) {
  const name = shownName(study.patient_name) || t('sources.no_name')
  return (
    <Table.Tr data-testid="remote-study">
      <Table.Td>
        <Checkbox
          aria-label={t('sources.choose', { name, date: shownDate(study.study_date) })}
          checked={isChosen}
          onChange={(event) => onChoose(event.currentTarget.checked)}
        />
      </Table.Td>
      <Table.Td>{name}</Table.Td>
      <Table.Td>{study.patient_id}</Table.Td>
      <Table.Td>{shownDate(study.study_date)}</Table.Td>
      <Table.Td>{study.modalities.join(', ')}</Table.Td>
      <Table.Td>
        {study.study_description}{' '}
        {study.is_in_project && (
          <Badge size="xs" variant="light" color="teal">
            {t('sources.in_project')}
          </Badge>
        )}
      </Table.Td>
      <Table.Td ta="right">{study.instance_count ?? '?'}</Table.Td>
      <Table.Td>
        <ActionIcon
          variant="subtle"
          aria-label={t(isOpen ? 'sources.hide_series' : 'sources.show_series', { name })}
          aria-expanded={isOpen}
          onClick={() => onOpen(!isOpen)}
        >
          {isOpen ? '▾' : '▸'}
        </ActionIcon>
      </Table.Td>
    </Table.Tr>
  )
}

function SeriesPreview(path: Place & { study_uid: string }) {
  const series = useQuery({
    queryKey: ['remote-series', path.source_id, path.study_uid],
    staleTime: Infinity,
    refetchOnWindowFocus: false,
    queryFn: () =>
      good(
        api.GET('/api/v1/projects/{project_id}/sources/{source_id}/studies/{study_uid}/series', {
          params: { path },
        }),
      ),
  })
  const base = `/api/v1/projects/${path.project_id}/sources/${path.source_id}/studies/${path.study_uid}/series`
  return (
    <Loaded query={series}>
      {(found) =>
        found.length === 0 ? (
          <Empty title={t('sources.no_series')}>{t('sources.no_series_help')}</Empty>
        ) : (
          <Group align="start">
            {found.map((one) => (
              <SeriesCard
                key={one.series_instance_uid}
                series={one}
                picture={`${base}/${one.series_instance_uid}/preview`}
              />
            ))}
          </Group>
        )
      }
    </Loaded>
  )
}

function SeriesCard({ series, picture }: { series: Schemas['RemoteSeries']; picture: string }) {
  const [hasPicture, setHasPicture] = useState(true)
  const title = series.series_description || series.body_part_examined || t('sources.series')
  return (
    <Stack gap={2} w={140} data-testid="remote-series">
      {hasPicture ? (
        <Image
          src={picture}
          alt={t('sources.preview_of', { title })}
          h={120}
          fit="contain"
          loading="lazy"
          onError={() => setHasPicture(false)}
        />
      ) : (
        <Text size="xs" c="dimmed" h={120}>
          {t('sources.no_preview')}
        </Text>
      )}
      <Text size="sm" truncate title={title}>
        {title}
      </Text>
      <Text size="xs" c="dimmed">
        {t('sources.series_size', { modality: series.modality, images: series.instance_count ?? '?' })}
      </Text>
    </Stack>
  )
}
