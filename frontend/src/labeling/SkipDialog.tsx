/** Asks for a reason before a case is skipped, flagged or sent to a second reader. */
import { Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core'
import { useState } from 'react'
import { t } from '../i18n'

export const REASONED = ['skip', 'flag', 'second_opinion'] as const
export type Reasoned = (typeof REASONED)[number]

interface Props {
  /** What is asked for; null keeps the dialog closed. */
  what: Reasoned | null
  isBusy: boolean
  onCancel: () => void
  onConfirm: (what: Reasoned, reason: string) => void
}

export function SkipDialog({ what, isBusy, onCancel, onConfirm }: Props) {
  return (
    <Modal
      opened={what !== null}
      onClose={onCancel}
      title={what && t(`reason.${what}`)}
      closeButtonProps={{ 'aria-label': t('ui.close') }}
    >
      {what && <ReasonForm key={what} what={what} isBusy={isBusy} onCancel={onCancel} onConfirm={onConfirm} />}
    </Modal>
  )
}

function ReasonForm({ what, isBusy, onCancel, onConfirm }: Props & { what: Reasoned }) {
  const [reason, setReason] = useState('')
  const isEmpty = reason.trim() === ''
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        if (!isEmpty) onConfirm(what, reason.trim())
      }}
    >
      <Stack>
        <Text size="sm" c="dimmed">
          {t(`reason.${what}_help`)}
        </Text>
        <Textarea
          label={t('reason.label')}
          data-autofocus
          required
          autosize
          minRows={2}
          maxLength={1000}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && !event.shiftKey) event.currentTarget.form?.requestSubmit()
            if (event.key === 'Enter' && !event.shiftKey) event.preventDefault()
          }}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onCancel}>
            {t('ui.cancel')}
          </Button>
          <Button type="submit" disabled={isEmpty} loading={isBusy}>
            {t(`reason.${what}`)}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
