/** Providers and routes; the viewer is loaded only where somebody reads. */
import { createTheme, MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { BrowserRouter, Route, Routes } from 'react-router'
import { ApiError } from '../api/client'
import { Waiting } from '../ui/states'
import { SignedIn } from './SignedIn'
import { SignInPage } from './SignInPage'

const ReadingPage = lazy(() => import('../labeling/ReadingPage'))
const ProjectPage = lazy(() => import('../projects/ProjectPage'))
const ProjectsPage = lazy(() => import('../projects/ProjectsPage'))
const TokensPage = lazy(() => import('./TokensPage'))

const theme = createTheme({ primaryColor: 'blue', defaultRadius: 'sm', cursorType: 'pointer' })
const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (count, error) => !(error instanceof ApiError) && count < 3,
    },
  },
})

export function App() {
  return (
    <MantineProvider theme={theme} defaultColorScheme="dark">
      <Notifications position="top-right" />
      <QueryClientProvider client={queryClient}>
        <BrowserRouter>
          <Suspense fallback={<Waiting />}>
            <Routes>
              <Route path="/sign-in" element={<SignInPage />} />
              <Route element={<SignedIn />}>
                <Route path="/" element={<ProjectsPage />} />
                <Route path="/tokens" element={<TokensPage />} />
                <Route path="/projects/:projectId" element={<ProjectPage />} />
              </Route>
              <Route path="/projects/:projectId/read" element={<ReadingPage />} />
              <Route path="*" element={<SignInPage />} />
            </Routes>
          </Suspense>
        </BrowserRouter>
      </QueryClientProvider>
    </MantineProvider>
  )
}
