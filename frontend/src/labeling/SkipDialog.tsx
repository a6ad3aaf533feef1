/** Asks for a reason before a case is skipped, flagged or sent to a second reader. */
import { Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core'
import { useState } from 'react'
import { t } from '../i18n'
import { mayConfirm, type AskedReason, type Standing } from './reasons'

interface Props {
  /** What is asked for; null keeps the dialog closed. */
  asked: AskedReason | null
  standing: Standing
  isBusy: boolean
  onCancel: () => void
  onConfirm: (asked: AskedReason, reason: string) => void
}

/** What is typed stays until the reader closes it, also where its case has gone meanwhile. */
export function SkipDialog({ asked, ...form }: Props) {
  return (
    <Modal
      opened={asked !== null}
      onClose={form.onCancel}
      title={asked && t(`reason.${asked.what}`)}
      closeButtonProps={{ 'aria-label': t('ui.close') }}
    >
      {asked && <ReasonForm key={`${asked.what} ${asked.caseId}`} asked={asked} {...form} />}
    </Modal>
  )
}

function ReasonForm({ asked, standing, isBusy, onCancel, onConfirm }: Props & { asked: AskedReason }) {
  const [reason, setReason] = useState('')
  const isReady = reason.trim() !== '' && mayConfirm(asked, standing)
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        if (isReady) onConfirm(asked, reason.trim())
      }}
    >
      <Stack>
        <Text size="sm" c="dimmed">
          {t(`reason.${asked.what}_help`)}
        </Text>
        {standing === 'gone' && (
          <Text size="sm" c="orange" role="alert">
            {t(asked.what === 'skip' ? 'reason.skip_gone' : 'reason.mark_gone')}
          </Text>
        )}
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
          <Button type="submit" disabled={!isReady} loading={isBusy}>
            {t(`reason.${asked.what}`)}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
