/** The line between two panels: drag it, or move it with the arrow keys. */
import type { KeyboardEvent, PointerEvent } from 'react'

interface Props {
  label: string
  /** In rem, so that it grows with the text. */
  value: number
  minimum: number
  maximum: number
  /** Which side the panel that grows lies on. */
  side: 'left' | 'right'
  className: string | undefined
  onChange: (rem: number) => void
}

const STEP_REM = 1

export function Resizer({ label, value, minimum, maximum, side, className, onChange }: Props) {
  const direction = side === 'left' ? 1 : -1
  const set = (rem: number) => onChange(Math.min(Math.max(rem, minimum), maximum))
  const drag = (event: PointerEvent<HTMLDivElement>) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize)
    set(value + (direction * event.movementX) / rem)
  }
  const press = (event: KeyboardEvent) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    if (steps === undefined) return
    event.preventDefault()
    set(value + direction * steps * STEP_REM)
  }
  return (
    <div
      role="separator"
      aria-orientation="vertical"
      aria-label={label}
      aria-valuenow={Math.round(value)}
      aria-valuemin={minimum}
      aria-valuemax={maximum}
      tabIndex={0}
      className={className}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={drag}
      onKeyDown={press}
    />
  )
}
