/** Options to choose from; every option shows the key that chooses it. */
import { Button, Kbd } from '@mantine/core'
import { keyOfOption } from './keymap'
import { shownKey } from './keyText'
import { afterChoosing, choicesOf, isChosen } from './choosing'
import { releaseFocus } from './focus'
import classes from './panel.module.css'
import type { FieldProps } from './QuestionPanel'

export function OptionField({ question, answer, inHand, isDisabled, onAnswer }: FieldProps) {
  const isScale = question.kind === 'ordinal'
  return (
    <div className={isScale ? classes.scale : classes.options}>
      {choicesOf(question).map(({ option, label }, index) => {
        const hotkey = keyOfOption(question, index, inHand)
        const chosen = isChosen(answer, option)
        return (
          <Button
            key={option ?? ''}
            className={classes.option ?? ''}
            justify="space-between"
            variant={chosen ? 'filled' : 'default'}
            aria-pressed={chosen}
            disabled={isDisabled}
            title={label}
            rightSection={hotkey === '' ? null : <Kbd>{shownKey(hotkey)}</Kbd>}
            {...(hotkey === '' ? {} : { 'aria-keyshortcuts': hotkey })}
            onClick={releaseFocus(() => onAnswer(question.key, afterChoosing(question, answer, option)))}
          >
            {label}
          </Button>
        )
      })}
    </div>
  )
}
