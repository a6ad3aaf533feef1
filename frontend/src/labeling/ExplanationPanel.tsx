/** Why the model says so: which explanation, of which answer, how strong, and every state on the way. */
import { Alert, Button, Group, Kbd, Loader, Progress, Select, Slider, Stack, Text } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import type { Schemas } from '../api/client'
import { ApiError } from '../api/client'
import { t } from '../i18n'
import { Section } from '../ui/Section'
import { gradient } from '../viewer/explanations/colours'
import { actionOf, keyed, type ActionId } from './actions'
import { shownAnswer } from './answerText'
import { targetName } from './targetText'
import type { Question } from './definition'
import type { Mode } from './explanationModes'
import { releaseFocus } from './focus'
import { keysOf, type CustomKeys } from './keymap'
import { shownKey } from './keyText'
import type { MapPlace } from './mapPlace'
import { MapWhere, type InView } from './MapWhere'
import { NeighbourList } from './NeighbourList'
import classes from './panel.module.css'

/** Below this nothing of the map is seen. */
export const FAINTEST = 0.1

export type Shown =
  | { kind: 'nothing' | 'pending' | 'map' }
  | { kind: 'running'; progress: Schemas['ProgressOfJob'] }
  | { kind: 'failed'; reason: string }
  | { kind: 'neighbours'; neighbours: readonly Schemas['Neighbour'][] }

export interface ExplanationPanelProps {
  /** Address of the DICOMweb service of the project. */
  root: string
  modes: readonly Mode[]
  mode: Mode | null
  isShown: boolean
  /** Whether it is not known yet what can be asked. */
  isWaiting: boolean
  error: Error | null
  answer: string
  opacity: number
  shown: Shown
  /** Where the map lies; null where no open study holds its images. */
  place: MapPlace | null
  inView: InView
  questions: readonly Question[]
  onToggle: () => void
  onMode: (key: string) => void
  onAnswer: (answer: string) => void
  onOpacity: (opacity: number) => void
  onGoTo: (() => void) | null
  onRetry: () => void
}

export function ExplanationPanel({ custom, ...props }: ExplanationPanelProps & { custom: CustomKeys }) {
  const { modes, mode, isShown, isWaiting, error, onToggle, onMode, onGoTo } = props
  const keyOf = (id: ActionId) => shownKey(keysOf(actionOf(id), custom)[0] ?? '')
  return (
    <Section title={t('explanation.title')}>
      <Stack gap="xs" data-testid="explanation" data-kind={isShown ? props.shown.kind : 'hidden'}>
        {isWaiting && error === null && <Waiting text={t('explanation.waiting')} />}
        {error && <Text size="sm" c="dimmed">{isBlind(error) ? t('explanation.blind') : error.message}</Text>}
        {!isWaiting && !error && mode === null && <Text size="sm" c="dimmed">{t('explanation.none')}</Text>}
        {mode && (
          <>
            <Select {...keyed('explanation_next')} size="xs" label={t('explanation.kind')} allowDeselect={false} value={mode.key} onChange={(key) => key !== null && onMode(key)}
              data={modes.map((one) => ({ value: one.key, label: nameOf(one) }))} />
            <Group gap={6}>
              <KeyButton action="explanation_show" label={t(isShown ? 'explanation.hide' : 'explanation.show')} shortcut={keyOf('explanation_show')} onPress={onToggle} />
              {isShown && onGoTo && <KeyButton action="explanation_goto" label={t('explanation.goto')} shortcut={keyOf('explanation_goto')} onPress={onGoTo} />}
            </Group>
            {isShown && <Explained {...props} mode={mode} />}
          </>
        )}
      </Stack>
    </Section>
  )
}

function isBlind(error: Error): boolean {
  return error instanceof ApiError && error.problem.code === 'first_impression_missing'
}

function nameOf({ method, number, ...target }: Mode): string {
  const name = t(`explanation.method.${method}`)
  return method === 'neighbours' ? name : t('explanation.of', { method: name, target: targetName(target), number })
}

function Explained(props: ExplanationPanelProps & { mode: Mode }) {
  const { mode, answer, questions, shown, root, onAnswer, onRetry } = props
  const question = questions.find(({ key }) => key === mode.question)
  const named = (key: string) => {
    const label = shownAnswer(key, question)
    return key === mode.likely ? t('explanation.likely', { answer: label }) : label
  }
  return (
    <>
      {mode.classes.length > 0 && (
        <Select {...keyed('explanation_answer')} size="xs" label={t('explanation.answer')} allowDeselect={false} value={answer} onChange={(key) => key !== null && onAnswer(key)}
          data={mode.classes.map((key) => ({ value: key, label: named(key) }))} />
      )}
      <Text size="xs" c="dimmed">{t(`explanation.help.${mode.method}`)}</Text>
      {shown.kind === 'pending' && <Waiting text={t('explanation.pending')} />}
      {shown.kind === 'running' && <Waiting text={t('explanation.running')} progress={shown.progress} />}
      {shown.kind === 'failed' && (
        <Alert variant="default" p="xs" icon={<IconAlertTriangle aria-hidden="true" />} title={t('explanation.failed')} role="alert">
          <Text size="sm" mb="xs">{shown.reason}</Text>
          <Button {...keyed('explanation_retry')} size="compact-sm" variant="default" onClick={releaseFocus(onRetry)}>{t('explanation.again')}</Button>
        </Alert>
      )}
      {shown.kind === 'map' && <MapWhere place={props.place} inView={props.inView} />}
      {shown.kind === 'map' && <MapControls {...props} />}
      {shown.kind === 'neighbours' && <NeighbourList root={root} neighbours={shown.neighbours} questions={questions} />}
    </>
  )
}

function Waiting({ text, progress }: { text: string; progress?: Schemas['ProgressOfJob'] }) {
  const { done = 0, total = 0 } = progress ?? {}
  return (
    <div role="status">
      <Group gap="xs">
        <Loader size="xs" />
        <Text size="sm">{text}</Text>
      </Group>
      {total > 0 && <Progress size="sm" mt={4} value={(100 * done) / total} aria-label={text} />}
    </div>
  )
}

function MapControls({ opacity, onOpacity }: ExplanationPanelProps) {
  return (
    <>
      <div>
        <div className={classes.scaleOfMap} style={{ backgroundImage: gradient() }} data-testid="explanation-legend" />
        <Group justify="space-between">
          <Text size="xs" c="dimmed">{t('explanation.low')}</Text>
          <Text size="xs" c="dimmed">{t('explanation.high')}</Text>
        </Group>
      </div>
      <Text size="xs" id="explanation-opacity">{t('explanation.opacity')}</Text>
      <Slider {...keyed('explanation_stronger')} size="sm" min={FAINTEST} max={1} step={0.05} value={opacity} label={null} onChange={onOpacity} thumbLabel={t('explanation.opacity')} />
      <Text size="xs" c="dimmed">{t('explanation.caution')}</Text>
    </>
  )
}

function KeyButton({ action, label, shortcut, onPress }: { action: ActionId; label: string; shortcut: string; onPress: () => void }) {
  return (
    <Button {...keyed(action)} size="compact-sm" variant="default" rightSection={shortcut === '' ? null : <Kbd size="xs">{shortcut}</Kbd>} onClick={releaseFocus(onPress)}>
      {label}
    </Button>
  )
}
