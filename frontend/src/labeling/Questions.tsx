/** The questions of the schema; every option shows the key that chooses it. */
import { Button, Kbd, Stack, Text } from '@mantine/core'
import type { Question } from '../api/client'
import { isChosen, type Answers } from './answers'
import classes from './reading.module.css'

interface Props {
  questions: Question[]
  answers: Answers
  missing: string | null
  isDisabled: boolean
  onChoose: (question: string, option: string) => void
}

export function Questions({ questions, answers, missing, isDisabled, onChoose }: Props) {
  return (
    <Stack gap="lg">
      {questions.map((question) => (
        <fieldset
          key={question.key}
          style={{ border: 0, padding: 0, margin: 0 }}
          className={missing === question.key ? classes.missing : undefined}
        >
          <Text component="legend" fw={600} mb={6}>
            {question.label}
            {question.kind === 'many' && (
              <Text span c="dimmed" size="sm">
                {' '}
                (any number)
              </Text>
            )}
          </Text>
          <Stack gap={6}>
            {question.options.map((option) => {
              const chosen = isChosen(answers, question, option.key)
              return (
                <Button
                  key={option.key}
                  className={classes.option ?? ''}
                  justify="space-between"
                  variant={chosen ? 'filled' : 'default'}
                  aria-pressed={chosen}
                  disabled={isDisabled}
                  rightSection={option.hotkey ? <Kbd>{option.hotkey.toUpperCase()}</Kbd> : null}
                  onClick={(event) => {
                    event.currentTarget.blur() // Enter must submit, not press this button again
                    onChoose(question.key, option.key)
                  }}
                >
                  {option.label}
                </Button>
              )
            })}
          </Stack>
          {missing === question.key && (
            <Text c="orange" size="sm" mt={6} role="alert">
              Please answer this question first.
            </Text>
          )}
        </fieldset>
      ))}
    </Stack>
  )
}
