/** The entry point. */
import '@mantine/core/styles.css'
import '@mantine/notifications/styles.css'
import '../ui/base.css'
import { createRoot } from 'react-dom/client'
import { App } from './App'
import { watchLoading } from './ErrorBoundary'

watchLoading()
const root = document.getElementById('root')
if (root) createRoot(root).render(<App />)
