/** The supervisor's view of a project: progress, learning, reviews, datasets, sources. */
import { Button, Container, Group, Tabs, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from 'react-router'
import { api, good } from '../api/client'
import { LearningPanel } from '../learning/LearningPanel'
import { Loaded } from '../ui/states'
import { DatasetsPanel } from './DatasetsPanel'
import { ProgressPanel } from './ProgressPanel'
import { ReviewsPanel } from './ReviewsPanel'
import { SourcesPanel } from './SourcesPanel'

export default function ProjectPage() {
  const { projectId = '' } = useParams()
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
              <Title order={2}>{found.name}</Title>
              <Button component={Link} to={`/projects/${projectId}/read`}>
                Read
              </Button>
            </Group>
            <Tabs defaultValue="progress" keepMounted={false}>
              <Tabs.List mb="md">
                <Tabs.Tab value="progress">Progress</Tabs.Tab>
                <Tabs.Tab value="learning">Learning</Tabs.Tab>
                <Tabs.Tab value="reviews">Reviews</Tabs.Tab>
                <Tabs.Tab value="datasets">Datasets</Tabs.Tab>
                {found.role === 'manager' && <Tabs.Tab value="sources">Sources</Tabs.Tab>}
              </Tabs.List>
              <Tabs.Panel value="progress">
                <ProgressPanel projectId={projectId} />
              </Tabs.Panel>
              <Tabs.Panel value="learning">
                <LearningPanel projectId={projectId} isManager={found.role === 'manager'} />
              </Tabs.Panel>
              <Tabs.Panel value="reviews">
                <ReviewsPanel projectId={projectId} />
              </Tabs.Panel>
              <Tabs.Panel value="datasets">
                <DatasetsPanel projectId={projectId} isManager={found.role === 'manager'} />
              </Tabs.Panel>
              <Tabs.Panel value="sources">
                <SourcesPanel projectId={projectId} />
              </Tabs.Panel>
            </Tabs>
          </>
        )}
      </Loaded>
    </Container>
  )
}
