/** What is left of the page when drawing it fails, or a part of the program cannot be loaded. */
import { Alert, Button, Center, Text } from '@mantine/core'
import { Component, type ReactNode } from 'react'
import { t } from '../i18n'

interface Props {
  children: ReactNode
}

interface State {
  error: Error | null
}

/** Parts that could not be loaded: the server may have another version by now, or be away. */
const notLoaded = new WeakSet<object>()

/** Vite says so before whoever asked for the part hears of it. */
export function watchLoading(): void {
  window.addEventListener('vite:preloadError', (event) => notLoaded.add(event.payload))
}

export class ErrorBoundary extends Component<Props, State> {
  override state: State = { error: null }

  static getDerivedStateFromError(error: Error): State {
    return { error }
  }

  override render(): ReactNode {
    const { error } = this.state
    if (error === null) return this.props.children
    const isLoading = notLoaded.has(error)
    return (
      <Center component="main" h="100vh" p="md">
        <Alert color="red" maw="32rem" title={t(isLoading ? 'broken.not_loaded' : 'broken.title')} data-testid="broken" role="alert">
          <Text size="sm">{t(isLoading ? 'broken.not_loaded_help' : 'broken.help')}</Text>
          {!isLoading && (
            <Text size="xs" c="dimmed" mt="xs">
              {error.message}
            </Text>
          )}
          <Button size="xs" mt="sm" onClick={() => window.location.reload()}>
            {t('broken.reload')}
          </Button>
        </Alert>
      </Center>
    )
  }
}
