/** The right side of the reading room; each part is there where its data is. */
import { Badge, Button, Group, Kbd, Stack, Text } from '@mantine/core'
import { IconDoorExit, IconFlag, IconHelp, IconMessage, IconPlayerSkipForward, IconUsers } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { t } from '../i18n'
import { Section } from '../ui/Section'
import { actionOf, keyed } from './actions'
import { AskedSlices, type AskedSlicesProps } from './AskedSlices'
import type { SaveState } from './autosave'
import { CommentsPanel, type CommentsPanelProps } from './CommentsPanel'
import { ExplanationPanel, type ExplanationPanelProps } from './ExplanationPanel'
import { releaseFocus } from './focus'
import { keysOf } from './keymap'
import { shownKey } from './keyText'
import { QuestionPanel, type QuestionPanelProps } from './QuestionPanel'
import { RegionList, type RegionListProps } from './RegionList'
import { SegmentPanel, type SegmentPanelProps } from './SegmentPanel'
import { SuggestionBar, type SuggestionBarProps } from './SuggestionBar'
import { ToolButton, type Doable } from './ToolButton'
import classes from './reading.module.css'

export type SaveKind = SaveState['kind']

export interface ReadingPanelProps extends Doable {
  caseId: string
  phase: string
  isBusy: boolean
  priorityReason: string
  returned: string
  marks: { flag: boolean; second_opinion: boolean }
  notices: ReactNode
  suggestions: SuggestionBarProps | null
  explanations: ExplanationPanelProps | null
  questions: QuestionPanelProps
  /** Those of the series and the image in the active pane. */
  placeQuestions: ReactNode
  regions: RegionListProps | null
  segments: SegmentPanelProps | null
  /** Null where the whole of every series may be drawn on. */
  askedSlices: AskedSlicesProps | null
  comments: CommentsPanelProps | null
  save: SaveKind
}

export function ReadingPanel(props: ReadingPanelProps) {
  const { caseId, phase, priorityReason, returned, suggestions, explanations, questions, regions, segments, comments } = props
  return (
    <Stack gap="md" data-testid="reading" data-case={caseId} data-phase={phase}>
      {/* Many of them scroll, by keys too. */}
      <div className={classes.notices} tabIndex={0}>{props.notices}</div>
      {priorityReason !== '' && (
        <Text size="sm" className={classes.reason ?? ''}>
          {priorityReason}
        </Text>
      )}
      {returned !== '' && (
        <Text size="sm" className={classes.returned ?? ''}>
          {returned}
        </Text>
      )}
      {suggestions && <SuggestionBar {...suggestions} />}
      {questions.questions.length > 0 && <QuestionPanel key={caseId} {...questions} />}
      {props.placeQuestions}
      {explanations && <ExplanationPanel {...explanations} custom={props.custom} />}
      {regions && (
        <Section title={t('regions.title')} count={regions.regions.length}>
          <RegionList {...regions} />
        </Section>
      )}
      {props.askedSlices && <AskedSlices {...props.askedSlices} />}
      {segments && segments.segments.length > 0 && (
        <Section title={t('segments.title')}>
          <SegmentPanel {...segments} />
        </Section>
      )}
      {phase !== 'looking' && <Finish {...props} />}
      {comments && (
        <Section title={t('comments.title')} count={comments.comments.length}>
          <CommentsPanel {...comments} />
        </Section>
      )}
    </Stack>
  )
}

function Finish({ isBusy, marks, save, ...doable }: ReadingPanelProps) {
  const { commands, custom } = doable
  const keyOf = (id: 'submit' | 'undo_submission') => shownKey(keysOf(actionOf(id), custom)[0] ?? '')
  return (
    <Stack gap="xs">
      <Button {...keyed('submit')} size="md" loading={isBusy} onClick={releaseFocus(() => commands.submit?.())} rightSection={<Kbd>{keyOf('submit')}</Kbd>}>
        {t('action.submit')}
      </Button>
      <Group justify="space-between" gap={4}>
        <Button
          {...keyed('undo_submission')}
          variant="default"
          size="xs"
          disabled={commands.undo_submission === undefined}
          onClick={releaseFocus(() => commands.undo_submission?.())}
          rightSection={<Kbd size="xs">{keyOf('undo_submission')}</Kbd>}
        >
          {t('reading.undo_last')}
        </Button>
        <Group gap={2}>
          <ToolButton {...doable} id="flag" icon={IconFlag} isOn={marks.flag} />
          <ToolButton {...doable} id="second_opinion" icon={IconUsers} isOn={marks.second_opinion} />
          <ToolButton {...doable} id="skip" icon={IconPlayerSkipForward} />
          <ToolButton {...doable} id="comment" icon={IconMessage} />
        </Group>
        <SaveBadge kind={save} />
      </Group>
    </Stack>
  )
}

const SAVE_COLOURS = { saved: 'gray', saving: 'blue', offline: 'orange', troubled: 'orange', signed_out: 'orange', conflict: 'orange', unkept: 'red', refused: 'red' } as const

function SaveBadge({ kind }: { kind: SaveKind }) {
  return (
    <Badge color={SAVE_COLOURS[kind]} variant="light" data-testid="save-state" data-kind={kind} role="status">
      {t(`save.${kind}`)}
    </Badge>
  )
}

interface HeaderProps {
  count: number
  isLeaving: boolean
  onHelp: () => void
  onLeave: () => void
}

export function PanelHeader({ count, isLeaving, onHelp, onLeave }: HeaderProps) {
  return (
    <Group justify="space-between" gap="0.25rem 0.5rem">
      <Text fw={700} component="h1" size="md" m={0}>
        {t('app.name')}
      </Text>
      <Text size="sm" c="dimmed" data-testid="count">
        {t('reading.count', { count })}
      </Text>
      <Group gap={4} wrap="nowrap">
        <Button {...keyed('help')} size="compact-xs" variant="subtle" leftSection={<IconHelp size="1rem" />} onClick={releaseFocus(onHelp)}>
          {t('reading.keys')}
        </Button>
        <Button {...keyed('leave')} size="compact-xs" variant="subtle" color="gray" loading={isLeaving} leftSection={<IconDoorExit size="1rem" />} onClick={onLeave}>
          {t('reading.leave')}
        </Button>
      </Group>
    </Group>
  )
}
