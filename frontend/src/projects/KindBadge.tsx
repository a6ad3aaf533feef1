/** What kind of mark it is, and whether it is resolved. */
import { Badge, Group } from '@mantine/core'
import { t } from '../i18n'
import type { MarkRow } from './useMarks'

const KIND_COLOURS = { flag: 'orange', second_opinion: 'blue', skip: 'gray' } as const

export function KindBadge({ mark }: { mark: MarkRow }) {
  return (
    <Group gap={4} wrap="nowrap">
      <Badge variant="dot" color={KIND_COLOURS[mark.kind]}>
        {t(`marks.kind.${mark.kind}`)}
      </Badge>
      {mark.resolved_at !== null && (
        <Badge variant="outline" color="gray">
          {t('marks.resolved')}
        </Badge>
      )}
    </Group>
  )
}
