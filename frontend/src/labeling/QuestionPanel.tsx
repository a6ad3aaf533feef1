/** The questions of one scope: each with its options, its key, its help and what is wrong with it. */
import { Button, Group, Kbd, Stack, Text } from '@mantine/core'
import { IconCircleCheck, IconX } from '@tabler/icons-react'
import { useEffect, useRef } from 'react'
import { t } from '../i18n'
import { keyed } from './actions'
import { shownKey } from './keyText'
import { hasNormal } from './choosing'
import { cannotAssess, type Answer, type Answers, type Question } from './definition'
import { OptionField } from './OptionField'
import { isAnswered, type Subject } from './questions'
import { NumberField, TextField, useUnfit } from './TypedFields'
import { releaseFocus } from './focus'
import { Small } from './Small'
import classes from './panel.module.css'

export interface QuestionPanelProps {
  /** Only those that are visible now. */
  questions: readonly Question[]
  /** What they are asked of. */
  subject: Subject
  answers: Answers
  /** The key of the question that a submission stumbled over. */
  missing: string | null
  /** What the server or a rule says against an answer, by question. */
  problems?: Readonly<Record<string, string>>
  isDisabled: boolean
  /** The question in hand, of whatever scope; it may be one of another panel. */
  inHand?: Question | null
  /** Which series or image the answers are about; absent for the study. */
  refersTo?: string
  isNeeded: (question: Question) => boolean
  /** Typing in one field is one gesture, and so one step of undo. */
  onAnswer: (question: string, answer: Answer | null, gesture?: string) => void
  onNormal?: (() => void) | undefined
  normalKey?: string | undefined
}

export function QuestionPanel(props: QuestionPanelProps) {
  const { questions, refersTo, onNormal, normalKey, isDisabled } = props
  return (
    <Stack gap="md">
      {refersTo !== undefined && (
        <Text size="sm" c="dimmed">
          {t('question.refers_to', { what: refersTo })}
        </Text>
      )}
      {onNormal && hasNormal(questions) && (
        <Button
          {...keyed('normal')}
          variant="default"
          disabled={isDisabled}
          leftSection={<IconCircleCheck size="1.1rem" />}
          rightSection={normalKey === undefined ? null : <Kbd>{shownKey(normalKey)}</Kbd>}
          onClick={releaseFocus(onNormal)}
        >
          {t('question.normal')}
        </Button>
      )}
      {questions.map((question) => (
        <QuestionField key={question.key} {...props} question={question} />
      ))}
    </Stack>
  )
}

function QuestionField({ question, ...panel }: QuestionPanelProps & { question: Question }) {
  const { answers, missing, problems = {}, subject, inHand = null, isDisabled, onAnswer, isNeeded } = panel
  const answer = answers[question.key] ?? null
  const needed = isNeeded(question)
  const isUnfit = useUnfit(subject, question.key, answer) !== null
  const isMissing = missing === question.key && (isUnfit || (needed && !isAnswered(answer)))
  const isInHand = inHand?.key === question.key
  const element = useRef<HTMLFieldSetElement>(null)
  useEffect(() => {
    if (isMissing || isInHand) element.current?.scrollIntoView({ block: 'nearest' })
  }, [isMissing, isInHand])
  const problem = problems[question.key] ?? (isMissing ? t(isUnfit ? 'question.unfit' : 'question.missing') : '')
  const isOff = isDisabled || cannotAssess(answer)
  const field = { question, answer, subject, inHand, isDisabled: isOff, onAnswer }
  return (
    <fieldset ref={element} className={isMissing ? `${classes.question} ${classes.missing}` : classes.question} data-question={question.key}
      data-in-hand={isInHand || undefined} aria-current={isInHand || undefined}>
      <Group component="legend" justify="space-between" wrap="nowrap" w="100%" mb={4} gap="xs">
        <Text fw={600} span>
          {question.label}
          {needed && (
            <Text span c="orange" fw={700} title={t('question.required')} aria-label={t('question.required')} role="img">
              {t('question.required_mark')}
            </Text>
          )}
          {question.kind === 'many' && (
            <Text span c="dimmed" size="sm" ml={6} fw={400}>
              {t('question.any_number')}
            </Text>
          )}
        </Text>
        <Group gap={4} wrap="nowrap">
          {question.allows_cannot_assess && <CannotAssess {...field} isDisabled={isDisabled} />}
          <TakeBack {...field} isDisabled={isDisabled} />
        </Group>
      </Group>
      {question.help && (
        <Text size="sm" c="dimmed" mb={6}>
          {question.help}
        </Text>
      )}
      {question.kind === 'number' && <NumberField {...field} />}
      {question.kind === 'text' && <TextField {...field} />}
      {question.kind !== 'number' && question.kind !== 'text' && <OptionField {...field} />}
      {problem !== '' && (
        <Text c="orange" size="sm" mt={6} role="alert">
          {problem}
        </Text>
      )}
    </fieldset>
  )
}

export interface FieldProps {
  question: Question
  answer: Answer | null
  subject: Subject
  inHand: Question | null
  isDisabled: boolean
  onAnswer: (question: string, answer: Answer | null, gesture?: string) => void
}

function CannotAssess({ question, answer, isDisabled, onAnswer }: FieldProps) {
  const isOn = cannotAssess(answer)
  return (
    <Button
      {...keyed('question_cannot_assess')}
      size="compact-xs"
      color="gray"
      variant={isOn ? 'filled' : 'subtle'}
      aria-pressed={isOn}
      disabled={isDisabled}
      onClick={releaseFocus(() => onAnswer(question.key, isOn ? null : { cannot_assess: true }))}
    >
      {t('answer.cannot_assess')}
    </Button>
  )
}

/** Its room is kept while there is nothing to take back: options must not move under the hand that presses them. */
function TakeBack({ question, answer, inHand, isDisabled, onAnswer }: FieldProps) {
  return (
    <span style={{ visibility: isDisabled || answer === null ? 'hidden' : 'visible' }}>
      <Small action="question_take_back" isInHand={inHand?.key === question.key} label={t('question.take_back', { question: question.label })}
        onPress={() => onAnswer(question.key, null)}>
        <IconX size="1rem" />
      </Small>
    </span>
  )
}
