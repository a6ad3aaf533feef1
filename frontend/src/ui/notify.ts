/** Short messages in the corner. */
import { notifications } from '@mantine/notifications'

export function showError(error: Error): void {
  notifications.show({ color: 'red', message: error.message })
}

/** Why nothing happened. */
export function showNotice(message: string): void {
  notifications.show({ color: 'orange', message })
}
