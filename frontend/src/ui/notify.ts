/** Short messages in the corner. */
import { notifications } from '@mantine/notifications'
import { t } from '../i18n'

/** Screen readers name the button, too. */
const closing = () => ({ closeButtonProps: { 'aria-label': t('ui.close') } })

export function showError(error: Error): void {
  notifications.show({ color: 'red', message: error.message, ...closing() })
}

/** Why nothing happened. */
export function showNotice(message: string): void {
  notifications.show({ color: 'orange', message, ...closing() })
}
