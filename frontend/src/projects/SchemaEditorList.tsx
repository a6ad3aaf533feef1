/** A list in the schema's forms: entries that move up and down, go away, and are added. */
import { ActionIcon, Button, Card, Group, Stack, Text, Tooltip } from '@mantine/core'
import { IconArrowDown, IconArrowUp, IconPlus, IconTrash } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { t } from '../i18n'
import { moved, removed, replaced } from './schemaDraft'

interface Props<T> {
  items: readonly T[]
  nameOf: (item: T, index: number) => string
  addLabel: string
  onAdd: () => T
  onChange: (items: T[]) => void
  children: (item: T, change: (item: T) => void, index: number) => ReactNode
  /** Small entries stand in one line, without a frame. */
  isCompact?: boolean
}

export function SchemaEditorList<T>({ items, nameOf, addLabel, onAdd, onChange, children, isCompact = false }: Props<T>) {
  return (
    <Stack gap={isCompact ? 4 : 'sm'}>
      {items.map((item, index) => {
        const name = nameOf(item, index)
        const body = children(item, (changed) => onChange(replaced(items, index, changed)), index)
        const buttons = (
          <Group gap={2} wrap="nowrap">
            <Step label={t('schema.move_up', { name })} isDisabled={index === 0} onPress={() => onChange(moved(items, index, -1))}>
              <IconArrowUp size="1rem" />
            </Step>
            <Step label={t('schema.move_down', { name })} isDisabled={index === items.length - 1} onPress={() => onChange(moved(items, index, 1))}>
              <IconArrowDown size="1rem" />
            </Step>
            <Step label={t('ui.remove', { title: name })} isDisabled={false} onPress={() => onChange(removed(items, index))}>
              <IconTrash size="1rem" />
            </Step>
          </Group>
        )
        return isCompact ? (
          <Group key={index} gap="xs" wrap="nowrap" align="end">
            <div style={{ flex: 1, minWidth: 0 }}>{body}</div>
            {buttons}
          </Group>
        ) : (
          <Card key={index} withBorder padding="sm" component="section" aria-label={name}>
            <Group justify="space-between" mb="xs" wrap="nowrap">
              <Text fw={600} truncate>
                {name}
              </Text>
              {buttons}
            </Group>
            {body}
          </Card>
        )
      })}
      <Button
        variant="default"
        size="xs"
        style={{ alignSelf: 'flex-start' }}
        leftSection={<IconPlus size="1rem" />}
        onClick={() => onChange([...items, onAdd()])}
      >
        {addLabel}
      </Button>
    </Stack>
  )
}

interface StepProps {
  label: string
  isDisabled: boolean
  onPress: () => void
  children: ReactNode
}

function Step({ label, isDisabled, onPress, children }: StepProps) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color="gray" aria-label={label} disabled={isDisabled} onClick={onPress}>
        {children}
      </ActionIcon>
    </Tooltip>
  )
}
