/** The right side of a case that is looked at: whose read it is, what was noted, and the read itself. */
import { Anchor, Button, Group, Select, Stack, Text } from '@mantine/core'
import { IconArrowLeft, IconDownload } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { api, good, type Schemas } from '../api/client'
import { t } from '../i18n'
import { KindBadge } from '../projects/KindBadge'
import { MarkActions } from '../projects/MarkActions'
import { useMarkActs, useMarks, useMembers } from '../projects/useMarks'
import { Section } from '../ui/Section'
import { keyed } from './actions'
import { contentOf, drawnMasks } from './content'
import { ExplanationPanel } from './ExplanationPanel'
import { ReadingSide, type SideProps } from './ReadingSide'
import { ReviewBox, type ReviewProps } from './ReviewBox'

interface Props {
  projectId: string
  overview: Schemas['Overview']
  read: Schemas['Annotation'] | undefined
  side: SideProps
  onRead: (id: string) => void
  onBack: () => void
  /** Where that leads. */
  backText: string
  /** Null until it is known whose the read is. */
  review: ReviewProps | null
}

export function CaseSide({ projectId, overview, read, side, onRead, onBack, backText, review }: Props) {
  const path = { project_id: projectId }
  const project = useQuery({
    queryKey: ['project', projectId], queryFn: () => good(api.GET('/api/v1/projects/{project_id}', { params: { path } })),
  })
  const isManager = project.data?.role === 'manager'
  return (
    <Stack gap="md">
      <Group justify="space-between" wrap="nowrap">
        <Text fw={700} component="h1" size="md" m={0}>
          {t('case.title')}
        </Text>
        <Button {...keyed('leave')} size="compact-xs" variant="subtle" color="gray" leftSection={<IconArrowLeft size="1rem" />} onClick={onBack}>
          {backText}
        </Button>
      </Group>
      {read ? (
        <Select {...keyed('read_next')} label={t('case.read_of')} allowDeselect={false} value={read.id} onChange={(id) => id !== null && onRead(id)}
          data={overview.reads.map(({ id, reader, state }) => ({ value: id, label: t('case.read_name', { reader, state: t(`case.read_state.${state}`) }) }))} />
      ) : (
        <Text size="sm" c="dimmed">
          {t('case.nobody')}
        </Text>
      )}
      {review?.read.state === 'submitted' && review.read.reader !== review.me && <ReviewBox key={review.read.id} {...review} />}
      <CaseMarks projectId={projectId} caseId={overview.case_id} isManager={isManager} />
      {isManager && read && <MaskLinks read={read} />}
      {read ? <ReadingSide {...side} /> : side.explanations && <ExplanationPanel {...side.explanations} custom={side.doable.custom} />}
    </Stack>
  )
}

function CaseMarks({ projectId, caseId, isManager }: { projectId: string; caseId: string; isManager: boolean }) {
  const marks = useMarks(projectId, { state: 'all', kind: null, reader: null, caseId, page: 1 })
  const members = useMembers(projectId, isManager)
  const acts = useMarkActs(projectId)
  const rows = marks.data?.results ?? []
  if (rows.length === 0) return null
  return (
    <Section title={t('project.marks')} count={rows.length}>
      <Stack gap="sm">
        {rows.map((mark) => (
          <Stack key={mark.id} gap={4} data-testid="mark" tabIndex={-1}>
            <Group justify="space-between" wrap="nowrap">
              <KindBadge mark={mark} />
              <Text size="xs" c="dimmed">
                {mark.author_name}
              </Text>
            </Group>
            {mark.reason !== '' && <Text size="sm">{mark.reason}</Text>}
            {isManager && <MarkActions mark={mark} acts={acts} members={members} />}
          </Stack>
        ))}
      </Stack>
    </Section>
  )
}

function MaskLinks({ read }: { read: Schemas['Annotation'] }) {
  const masks = drawnMasks(contentOf(read.content))
  if (masks.length === 0) return null
  return (
    <Section title={t('case.take_away')}>
      <Stack gap={4}>
        {masks.map(({ layer, series_instance_uid: series }) => (
          <Anchor key={`${layer}:${series}`} {...keyed('masks_download')} size="sm" download
            href={`/api/v1/annotations/${read.id}/masks/nifti?${new URLSearchParams({ layer: String(layer), series }).toString()}`}>
            <Group gap={6} component="span">
              <IconDownload size="1rem" aria-hidden="true" />
              {t('case.mask', { layer })}
            </Group>
          </Anchor>
        ))}
      </Stack>
    </Section>
  )
}
