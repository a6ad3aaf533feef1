/** Short messages in the corner. */
import { notifications } from '@mantine/notifications'

export function showError(error: Error): void {
  notifications.show({ color: 'red', message: error.message })
}
