/** A framed part of the page of a model. */
import { Card, Group, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'

interface Props {
  title: string
  help?: string
  /** Choices beside the title. */
  aside?: ReactNode
  children: ReactNode
}

export function Part({ title, help, aside, children }: Props) {
  return (
    <Card withBorder padding="md" component="section">
      <Group justify="space-between" mb="xs" align="flex-start">
        <Title order={2} size="h4">{title}</Title>
        {aside}
      </Group>
      {help !== undefined && <Text size="sm" c="dimmed" mb="xs">{help}</Text>}
      {children}
    </Card>
  )
}
