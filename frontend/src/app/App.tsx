/** Providers and routes; the viewer is loaded only where somebody reads. */
import { MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { lazy, Suspense, useSyncExternalStore } from 'react'
import { createBrowserRouter, createRoutesFromElements, Outlet, Route } from 'react-router'
import { RouterProvider } from 'react-router/dom'
import { ApiError } from '../api/client'
import { currentLanguage, subscribeToLanguage } from '../i18n'
import { Waiting } from '../ui/states'
import { readable, theme } from '../ui/theme'
import { ErrorBoundary } from './ErrorBoundary'
import { PreferencesGate } from './PreferencesGate'
import { SignedIn } from './SignedIn'
import { SignInPage } from './SignInPage'

const ReadingPage = lazy(askedForReading() ?? (() => import('../labeling/ReadingPage')))
const CasePage = lazy(() => import('../labeling/CasePage'))
const DatasetPage = lazy(() => import('../datasets/DatasetPage'))
const ItemPage = lazy(() => import('../datasets/ItemPage'))
const ModelPage = lazy(() => import('../learning/model/ModelPage'))
const ProjectPage = lazy(() => import('../projects/ProjectPage'))
const ProjectsPage = lazy(() => import('../projects/ProjectsPage'))
const PreferencesPage = lazy(() => import('./PreferencesPage'))
const TokensPage = lazy(() => import('./TokensPage'))

/** Whoever comes straight to a reading room waits for its scripts: they are on their way before the person is known. */
function askedForReading() {
  const [, projectId] = /^\/projects\/([^/]+)\/read$/.exec(window.location.pathname) ?? []
  if (projectId === undefined) return null
  void import('../labeling/arriving').then(({ arrive }) => arrive(projectId)).catch(() => undefined)
  const page = import('../labeling/ReadingPage')
  page.catch(() => undefined) // whoever draws it says what is wrong
  void import('../viewer').catch(() => undefined) // whoever needs it says what is wrong
  return () => page
}

const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (count, error) => !(error instanceof ApiError) && count < 3,
    },
    // Of what was done, nobody asks again; what cannot be sent says so at once, instead of waiting unseen for a network.
    mutations: { gcTime: 0, networkMode: 'always' },
  },
})

const router = createBrowserRouter(createRoutesFromElements(
  <Route element={<Page />}>
    <Route path="/sign-in" element={<SignInPage />} />
    <Route element={<PreferencesGate />}>
      <Route element={<SignedIn />}>
        <Route path="/" element={<ProjectsPage />} />
        <Route path="/tokens" element={<TokensPage />} />
        <Route path="/preferences" element={<PreferencesPage />} />
        <Route path="/projects/:projectId" element={<ProjectPage />} />
        <Route path="/models/:modelVersionId" element={<ModelPage />} />
        <Route path="/datasets/:datasetId" element={<DatasetPage />} />
        <Route path="/datasets/:datasetId/items/:caseId" element={<ItemPage />} />
      </Route>
      <Route path="/projects/:projectId/cases/:caseId" element={<CasePage />} />
      <Route path="/projects/:projectId/read" element={<ReadingPage />} />
    </Route>
    <Route path="*" element={<SignInPage />} />
  </Route>,
))

/** What fails below says so in our words. */
function Page() {
  return (
    <ErrorBoundary>
      <Suspense fallback={<Waiting />}>
        <Outlet />
      </Suspense>
    </ErrorBoundary>
  )
}

export function App() {
  const language = useSyncExternalStore(subscribeToLanguage, currentLanguage)
  return (
    <MantineProvider theme={theme} cssVariablesResolver={readable} defaultColorScheme="dark">
      <Notifications position="top-right" />
      <QueryClientProvider client={queryClient}>
        {/* The text of a page is read when it is drawn: another language draws it anew. */}
        <RouterProvider key={language} router={router} />
      </QueryClientProvider>
    </MantineProvider>
  )
}
