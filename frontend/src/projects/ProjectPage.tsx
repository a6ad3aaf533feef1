/** The supervisor's view of a project: progress, learning, reviews, datasets, sources, people, settings. */
import { Button, Container, Group, Tabs, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams, useSearchParams } from 'react-router'
import { api, good } from '../api/client'
import { LearningPanel } from '../learning/LearningPanel'
import { t } from '../i18n'
import { Loaded } from '../ui/states'
import { ClinicalPanel } from './ClinicalPanel'
import { DatasetsPanel } from './DatasetsPanel'
import { MarksPanel } from './MarksPanel'
import { PeoplePanel } from './PeoplePanel'
import { ProgressPanel } from './ProgressPanel'
import { ReviewsPanel } from './ReviewsPanel'
import { SchemaEditor } from './SchemaEditor'
import { SettingsPanel } from './SettingsPanel'
import { SourcesPanel } from './SourcesPanel'

export default function ProjectPage() {
  const { projectId = '' } = useParams()
  const [search, setSearch] = useSearchParams()
  const tab = search.get('tab') ?? 'progress'
  const project = useQuery({
    queryKey: ['project', projectId],
    queryFn: () =>
      good(api.GET('/api/v1/projects/{project_id}', { params: { path: { project_id: projectId } } })),
  })
  return (
    <Container size="xl">
      <Loaded query={project}>
        {(found) => (
          <>
            <Group justify="space-between" mb="md">
              <Title order={1} size="h2">{found.name}</Title>
              <Button component={Link} to={`/projects/${projectId}/read`}>
                {t('projects.read')}
              </Button>
            </Group>
            <Tabs value={tab} onChange={(to) => setSearch({ tab: to ?? 'progress' })} keepMounted={false}>
              <Tabs.List mb="md">
                <Tabs.Tab value="progress">{t('project.progress')}</Tabs.Tab>
                <Tabs.Tab value="learning">{t('project.learning')}</Tabs.Tab>
                <Tabs.Tab value="reviews">{t('project.reviews')}</Tabs.Tab>
                <Tabs.Tab value="marks">{t('project.marks')}</Tabs.Tab>
                <Tabs.Tab value="datasets">{t('project.datasets')}</Tabs.Tab>
                {found.role === 'manager' && <Tabs.Tab value="clinical">{t('project.clinical')}</Tabs.Tab>}
                {found.role === 'manager' && <Tabs.Tab value="sources">{t('project.sources')}</Tabs.Tab>}
                {found.role === 'manager' && <Tabs.Tab value="schema">{t('project.schema')}</Tabs.Tab>}
                {found.role === 'manager' && <Tabs.Tab value="people">{t('project.people')}</Tabs.Tab>}
                {found.role === 'manager' && <Tabs.Tab value="settings">{t('project.settings')}</Tabs.Tab>}
              </Tabs.List>
              <Tabs.Panel value="progress">
                <ProgressPanel projectId={projectId} isManager={found.role === 'manager'} />
              </Tabs.Panel>
              <Tabs.Panel value="learning">
                <LearningPanel projectId={projectId} isManager={found.role === 'manager'} />
              </Tabs.Panel>
              <Tabs.Panel value="reviews">
                <ReviewsPanel projectId={projectId} />
              </Tabs.Panel>
              <Tabs.Panel value="marks">
                <MarksPanel projectId={projectId} isManager={found.role === 'manager'} />
              </Tabs.Panel>
              <Tabs.Panel value="datasets">
                <DatasetsPanel projectId={projectId} isManager={found.role === 'manager'} />
              </Tabs.Panel>
              <Tabs.Panel value="clinical">
                <ClinicalPanel projectId={projectId} />
              </Tabs.Panel>
              <Tabs.Panel value="sources">
                <SourcesPanel projectId={projectId} />
              </Tabs.Panel>
              <Tabs.Panel value="schema">
                <SchemaEditor projectId={projectId} />
              </Tabs.Panel>
              <Tabs.Panel value="people">
                <PeoplePanel project={found} />
              </Tabs.Panel>
              <Tabs.Panel value="settings">
                <SettingsPanel project={found} />
              </Tabs.Panel>
            </Tabs>
          </>
        )}
      </Loaded>
    </Container>
  )
}
