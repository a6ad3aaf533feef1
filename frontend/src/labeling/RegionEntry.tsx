/** One region in the list; open while it is selected, with the questions that are asked of it. */
import { Group, Select, Stack, Text, TextInput, UnstyledButton } from '@mantine/core'
import { IconEye, IconEyeOff, IconLock, IconLockOpen, IconTrash } from '@tabler/icons-react'
import { useEffect, useRef, type CSSProperties } from 'react'
import { t } from '../i18n'
import type { Region } from '../viewer/types'
import type { Answers, Question } from './definition'
import { keyed } from './actions'
import { leaveList, leaveOnEnter, releaseFocus } from './focus'
import classes from './panel.module.css'
import { QuestionPanel } from './QuestionPanel'
import type { RegionListProps } from './RegionList'
import { Small } from './Small'

/** As the server has it. */
const LONGEST_NAME = 200

interface Props extends Omit<RegionListProps, 'missing' | 'statistics' | 'regions' | 'questionsOf'> {
  region: Region
  number: number
  questions: readonly Question[]
  answers: Answers
  facts: readonly string[]
  missing: string | null
}

export function RegionEntry(props: Props) {
  const { region, number, labels, selected, facts, questions, colourOf, missing, onSelect } = props
  const isSelected = selected === region.id
  const element = useRef<HTMLLIElement>(null)
  useEffect(() => {
    if (isSelected) element.current?.scrollIntoView({ block: 'nearest' })
  }, [isSelected])
  const label = labels.find(({ key }) => key === region.label)
  const title = region.name || label?.label || t(`tool.${region.kind}`)
  const isOpen = isSelected || missing !== null
  return (
    <li
      ref={element}
      className={classes.entry}
      data-testid="region"
      data-selected={isSelected || undefined}
      style={{ '--label-colour': colourOf(region.label) } as CSSProperties}
    >
      <Group justify="space-between" wrap="nowrap" gap={4}>
        <UnstyledButton
          {...keyed('region_next')}
          style={{ flex: 1, minWidth: 0 }}
          aria-expanded={isOpen}
          onClick={releaseFocus(() => onSelect(isSelected ? null : region.id))}
        >
          <Text size="sm" fw={600} truncate>
            {t('regions.entry', { number, title })}
          </Text>
          {facts.map((fact) => (
            <Text key={fact} size="xs" c="dimmed" className={classes.facts ?? ''}>
              {fact}
            </Text>
          ))}
        </UnstyledButton>
        <RegionButtons {...props} title={title} />
      </Group>
      {isOpen && (
        <Stack gap="sm" mt={6} pb={4}>
          <Group grow gap={6} align="end">
            {labels.length > 0 && (
              <Select
                {...keyed('region_relabel')}
                size="xs"
                label={t('regions.label')}
                data={labels.filter((one) => isAllowed(one, region)).map(({ key, label: text }) => ({ value: key, label: text }))}
                value={region.label}
                allowDeselect={false}
                disabled={props.isDisabled || region.is_locked}
                onChange={(value) => value !== null && props.onRelabel(region.id, value)}
                onDropdownClose={leaveList}
              />
            )}
            <TextInput
              {...keyed('region_rename')}
              size="xs"
              label={t('regions.name')}
              value={region.name}
              maxLength={LONGEST_NAME}
              disabled={props.isDisabled || region.is_locked}
              onChange={(event) => props.onRename(region.id, event.currentTarget.value, `name:${region.id}`)}
              onKeyDown={leaveOnEnter}
            />
          </Group>
          {questions.length > 0 && (
            <QuestionPanel
              questions={questions}
              subject={{ scope: 'region', region }}
              answers={props.answers}
              missing={missing}
              inHand={isSelected ? props.inHand : null}
              isDisabled={props.isDisabled || region.is_locked}
              isNeeded={(question) => props.isNeeded(question, region)}
              onAnswer={(question, answer, gesture) => props.onAnswer(region.id, question, answer, gesture)}
            />
          )}
        </Stack>
      )}
    </li>
  )
}

function RegionButtons({ region, title, selected, isDisabled, onHide, onLock, onDelete }: Props & { title: string }) {
  const { id, is_hidden, is_locked } = region
  const isInHand = selected === id
  return (
    <Group gap={0} wrap="nowrap">
      <Small action="region_hide" isInHand={isInHand} label={t(is_hidden ? 'regions.show' : 'regions.hide', { title })} onPress={() => onHide(id, !is_hidden)}>
        {is_hidden ? <IconEyeOff size="1rem" /> : <IconEye size="1rem" />}
      </Small>
      <Small action="region_lock" isInHand={isInHand} label={t(is_locked ? 'regions.unlock' : 'regions.lock', { title })} onPress={() => onLock(id, !is_locked)} isDisabled={isDisabled}>
        {is_locked ? <IconLock size="1rem" /> : <IconLockOpen size="1rem" />}
      </Small>
      <Small action="region_delete" isInHand={isInHand} label={t('regions.delete', { title })} onPress={() => onDelete(id)} isDisabled={isDisabled || is_locked}>
        <IconTrash size="1rem" />
      </Small>
    </Group>
  )
}

function isAllowed(label: RegionListProps['labels'][number], region: Region): boolean {
  return label.key === region.label || !label.kinds || label.kinds.length === 0 || label.kinds.includes(region.kind)
}
