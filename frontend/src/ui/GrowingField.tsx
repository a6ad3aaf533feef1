/** A text field that grows with its text. To measure it lays the page out, so it is drawn anew only where something
 * of it has changed, not with whatever stands around it. */
import { Textarea, type TextareaProps } from '@mantine/core'
import { useCallbackRef } from '@mantine/hooks'
import { memo, type Ref } from 'react'

type Props = Omit<TextareaProps, 'autosize'> & { ref?: Ref<HTMLTextAreaElement> }

const Still = memo((props: Props) => <Textarea autosize {...props} />)

export function GrowingField({ onChange, onKeyDown, onFocus, ...rest }: Props) {
  const changed = useCallbackRef(onChange)
  const pressed = useCallbackRef(onKeyDown)
  const entered = useCallbackRef(onFocus)
  return <Still {...rest} onChange={changed} onKeyDown={pressed} onFocus={entered} />
}
