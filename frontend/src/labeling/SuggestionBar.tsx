/** What a model suggests: hidden until the first impression is on record where the project wants that. */
import { Alert, Button, Group, Kbd, Stack, Text } from '@mantine/core'
import { t } from '../i18n'
import { shownAnswer } from './answerText'
import type { Question } from './definition'
import { keyed, type ActionId } from './actions'
import { releaseFocus } from './focus'
import classes from './panel.module.css'

interface SuggestedAnswers {
  answers?: Readonly<Record<string, unknown>>
  probabilities?: Readonly<Record<string, Readonly<Record<string, number>>>>
}

export interface SuggestionContent extends SuggestedAnswers {
  scoped?: readonly (SuggestedAnswers & { series_instance_uid?: string })[]
  regions?: readonly unknown[]
  masks?: readonly { slices?: Readonly<Record<string, string>> }[]
}

export interface Suggestion {
  id: string
  source: string
  created_at: string
  content: SuggestionContent
}

export interface SuggestionBarProps {
  /** The first one that waits for a decision. */
  suggestion: Suggestion | null
  waiting: number
  questions: readonly Question[]
  /** How people know the series of the study, by its UID. */
  series: ReadonlyMap<string, string>
  /** Whether the reader must answer first; then `onReveal` records that. */
  isHidden: boolean
  isDisabled: boolean
  isShown: boolean
  keys: Record<'accept' | 'edit' | 'refuse' | 'goto' | 'show' | 'reveal', string>
  onReveal: () => void
  onAccept: (id: string) => void
  onEdit: (id: string) => void
  onRefuse: (id: string) => void
  /** Null where nothing is drawn. */
  onGoTo: (() => void) | null
  onShow: (() => void) | null
}

export function SuggestionBar(props: SuggestionBarProps) {
  const { suggestion, waiting, isHidden, isDisabled, keys, onReveal } = props
  if (isHidden) {
    return (
      <Alert variant="light" color="gray" title={t('suggestion.hidden')} data-testid="suggestion-hidden">
        <Text size="sm" mb="xs">
          {t('suggestion.hidden_help')}
        </Text>
        <Button {...keyed('suggestion_reveal')} size="compact-sm" variant="default" disabled={isDisabled}
          rightSection={keys.reveal === '' ? null : <Kbd size="xs">{keys.reveal}</Kbd>} onClick={releaseFocus(onReveal)}>
          {t('suggestion.reveal')}
        </Button>
      </Alert>
    )
  }
  if (suggestion === null) return null
  const { id, source } = suggestion
  return (
    <Alert variant="light" color="blue" title={t('suggestion.from', { source })} data-testid="suggestion">
      <Proposal {...props} suggestion={suggestion} />
      <Group gap={6} mt="xs">
        <Decision action="suggestion_accept" label={t('suggestion.accept')} shortcut={keys.accept} isDisabled={isDisabled} onPress={() => props.onAccept(id)} />
        <Decision action="suggestion_edit" label={t('suggestion.edit')} shortcut={keys.edit} isDisabled={isDisabled} onPress={() => props.onEdit(id)} />
        <Decision action="suggestion_refuse" label={t('suggestion.refuse')} shortcut={keys.refuse} isDisabled={isDisabled} onPress={() => props.onRefuse(id)} />
      </Group>
      {props.onGoTo && props.onShow && (
        <Group gap={6} mt={6}>
          <Decision action="suggestion_goto" label={t('suggestion.goto')} shortcut={keys.goto} isDisabled={false} onPress={props.onGoTo} />
          <Decision action="suggestion_show" label={t(props.isShown ? 'suggestion.hide' : 'suggestion.show')} shortcut={keys.show} isDisabled={false} onPress={props.onShow} />
        </Group>
      )}
      {waiting > 1 && (
        <Text size="xs" c="dimmed" mt={4}>
          {t('suggestion.more', { count: waiting - 1 })}
        </Text>
      )}
    </Alert>
  )
}

function Proposal({ suggestion, questions, series }: { suggestion: Suggestion } & Pick<SuggestionBarProps, 'questions' | 'series'>) {
  const { scoped = [], regions = [], masks = [] } = suggestion.content
  return (
    <Stack gap={4}>
      <AnswerLines {...suggestion.content} questions={questions} />
      {scoped.map(({ series_instance_uid: uid = '', ...of }) => (
        <Stack key={uid} gap={2}>
          <Text size="xs" c="dimmed">
            {series.get(uid) ?? uid}
          </Text>
          <AnswerLines {...of} questions={questions} />
        </Stack>
      ))}
      {regions.length > 0 && <Text size="sm">{t('suggestion.regions', { count: regions.length })}</Text>}
      {masks.length > 0 && <Text size="sm">{t('suggestion.masks', { count: countImages(masks) })}</Text>}
    </Stack>
  )
}

function AnswerLines({ answers = {}, probabilities = {}, questions }: SuggestedAnswers & { questions: readonly Question[] }) {
  return Object.entries(answers).map(([key, answer]) => {
    const question = questions.find((one) => one.key === key)
    const probability = typeof answer === 'string' ? probabilities[key]?.[answer] : undefined
    return (
      <Group key={key} justify="space-between" wrap="nowrap" gap="xs">
        <Text size="sm">
          {t('answer.of_question', { question: question?.label ?? key, answer: shownAnswer(answer, question) })}
        </Text>
        {probability !== undefined && <Probability share={probability} />}
      </Group>
    )
  })
}

function countImages(masks: NonNullable<SuggestionContent['masks']>): number {
  return new Set(masks.flatMap(({ slices = {} }) => Object.keys(slices))).size
}

function Probability({ share }: { share: number }) {
  const percent = Math.round(share * 100)
  return (
    <Group gap={6} wrap="nowrap">
      <div className={classes.probability} aria-hidden="true">
        <div style={{ width: `${percent}%` }} />
      </div>
      <Text size="sm" className={classes.facts ?? ''}>
        {t('segments.percent', { percent })}
      </Text>
    </Group>
  )
}

interface DecisionProps {
  action: ActionId
  label: string
  shortcut: string
  isDisabled: boolean
  onPress: () => void
}

function Decision({ action, label, shortcut, isDisabled, onPress }: DecisionProps) {
  return (
    <Button
      {...keyed(action)}
      size="compact-sm"
      variant="default"
      disabled={isDisabled}
      rightSection={shortcut === '' ? null : <Kbd size="xs">{shortcut}</Kbd>}
      onClick={releaseFocus(onPress)}
    >
      {label}
    </Button>
  )
}
