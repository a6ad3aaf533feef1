/** My projects, with the way into each. */
import { Badge, Button, Card, Container, Group, SimpleGrid, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { Link } from 'react-router'
import { api, good, type Project } from '../api/client'
import { useMe } from '../api/me'
import { named, t } from '../i18n'
import { Empty, Loaded } from '../ui/states'

const NewProject = lazy(() => import('./NewProject').then((module) => ({ default: module.NewProject })))

export default function ProjectsPage() {
  const projects = useQuery({
    queryKey: ['projects'],
    queryFn: () => good(api.GET('/api/v1/projects', { params: { query: { page_size: 500 } } })),
  })
  const me = useMe().data
  const [isMaking, setMaking] = useState(false)
  return (
    <Container size="lg">
      <Group justify="space-between" mb="md">
        <Title order={1} size="h2">
          {t('projects.title')}
        </Title>
        {me?.may_create_projects && <Button variant="default" onClick={() => setMaking(true)}>{t('new_project.title')}</Button>}
      </Group>
      {isMaking && (
        <Suspense>
          <NewProject onClose={() => setMaking(false)} />
        </Suspense>
      )}
      <Loaded query={projects}>
        {(page) =>
          page.results.length === 0 ? (
            <Empty title={t('projects.none')}>
              {me?.may_create_projects ? t('new_project.none_help') : t('projects.none_help', { name: me?.username ?? '' })}
            </Empty>
          ) : (
            <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
              {page.results.map((project) => (
                <ProjectCard key={project.id} project={project} />
              ))}
            </SimpleGrid>
          )
        }
      </Loaded>
    </Container>
  )
}

function ProjectCard({ project }: { project: Project }) {
  const isSupervisor = project.role !== 'annotator'
  return (
    <Card withBorder>
      <Group justify="space-between" mb="xs">
        <Text fw={600}>{project.name}</Text>
        <Badge variant="light">{named(`role.${project.role}`, project.role)}</Badge>
      </Group>
      <Text size="sm" c="dimmed" mb="md">
        {t(project.requires_review ? 'projects.readers_reviewed' : 'projects.readers', { count: project.readers_per_case })}
      </Text>
      <Group>
        <Button component={Link} to={`/projects/${project.id}/read`}>
          {t('projects.read')}
        </Button>
        {isSupervisor && (
          <Button component={Link} to={`/projects/${project.id}`} variant="default">
            {t('projects.manage')}
          </Button>
        )}
      </Group>
    </Card>
  )
}
