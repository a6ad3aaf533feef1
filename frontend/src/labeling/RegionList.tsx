/** The findings that were drawn: select, name, label, hide, lock, delete and answer about each. */
import { ActionIcon, Group, Stack, Text, Tooltip } from '@mantine/core'
import { IconEye, IconEyeOff } from '@tabler/icons-react'
import { t } from '../i18n'
import type { Region } from '../viewer/types'
import type { Answer, Answers, Question, RegionLabel } from './definition'
import { keyed } from './actions'
import { releaseFocus } from './focus'
import { RegionEntry } from './RegionEntry'

export interface RegionHandlers {
  onSelect: (id: string | null) => void
  onRename: (id: string, name: string, gesture?: string) => void
  onRelabel: (id: string, label: string) => void
  onHide: (id: string, isHidden: boolean) => void
  onLock: (id: string, isLocked: boolean) => void
  onDelete: (id: string) => void
  onAnswer: (id: string, question: string, answer: Answer | null, gesture?: string) => void
  onHideAll: (areHidden: boolean) => void
}

export interface RegionListProps extends RegionHandlers {
  regions: readonly Region[]
  labels: readonly RegionLabel[]
  selected: string | null
  /** Lines of measurements by region; empty until they are known. */
  statistics: Readonly<Record<string, readonly string[]>>
  /** The questions that are asked of a region now. */
  questionsOf: (region: Region) => readonly Question[]
  isNeeded: (question: Question, region: Region) => boolean
  colourOf: (label: string) => string
  /** The region and question that a submission stumbled over. */
  missing: { region: string; question: string } | null
  isDisabled: boolean
  /** The question in hand, of whatever scope. */
  inHand: Question | null
}

export function RegionList(props: RegionListProps) {
  const { regions, onHideAll } = props
  if (regions.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        {t('regions.none')}
      </Text>
    )
  }
  const areHidden = regions.every((region) => region.is_hidden)
  const toggle = t(areHidden ? 'regions.show_all' : 'regions.hide_all')
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <Text size="sm" c="dimmed">
          {t('regions.count', { count: regions.length })}
        </Text>
        <Tooltip label={toggle}>
          <ActionIcon {...keyed('regions_hide')} variant="subtle" color="gray" aria-label={toggle} onClick={releaseFocus(() => onHideAll(!areHidden))}>
            {areHidden ? <IconEyeOff size="1.1rem" /> : <IconEye size="1.1rem" />}
          </ActionIcon>
        </Tooltip>
      </Group>
      <Stack gap={6} component="ul" p={0} m={0} style={{ listStyle: 'none' }} aria-label={t('regions.title')}>
        {regions.map((region, index) => (
          <RegionEntry
            key={region.id}
            {...props}
            region={region}
            number={index + 1}
            questions={props.questionsOf(region)}
            answers={region.answers as Answers}
            facts={props.statistics[region.id] ?? []}
            missing={props.missing?.region === region.id ? props.missing.question : null}
          />
        ))}
      </Stack>
    </Stack>
  )
}
