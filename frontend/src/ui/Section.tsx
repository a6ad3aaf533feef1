/** A part of a panel under a heading that folds it. */
import { Badge, UnstyledButton } from '@mantine/core'
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react'
import { useId, useState, type ReactNode } from 'react'

interface Props {
  title: string
  /** Shown beside the title, so that a folded part still says whether it holds something. */
  count?: number
  children: ReactNode
}

export function Section({ title, count, children }: Props) {
  const [isOpen, setOpen] = useState(true)
  const id = useId()
  const Arrow = isOpen ? IconChevronDown : IconChevronRight
  return (
    <section aria-labelledby={id}>
      <h2 style={{ margin: '0 0 0.375rem', fontSize: 'var(--mantine-font-size-sm)' }}>
        <UnstyledButton
          id={id}
          fz="sm"
          fw={600}
          aria-expanded={isOpen}
          style={{ display: 'flex', alignItems: 'center', gap: '0.25rem', width: '100%' }}
          onClick={() => setOpen(!isOpen)}
        >
          <Arrow size="1rem" aria-hidden="true" />
          {title}
          {count !== undefined && count > 0 && (
            <Badge size="xs" variant="default">
              {count}
            </Badge>
          )}
        </UnstyledButton>
      </h2>
      {isOpen && children}
    </section>
  )
}
