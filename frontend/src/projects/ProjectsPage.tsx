/** My projects, with the way into each. */
import { Badge, Button, Card, Container, Group, SimpleGrid, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { api, good, type Project } from '../api/client'
import { named, t } from '../i18n'
import { Empty, Loaded } from '../ui/states'

export default function ProjectsPage() {
  const projects = useQuery({
    queryKey: ['projects'],
    queryFn: () => good(api.GET('/api/v1/projects', { params: { query: { page_size: 500 } } })),
  })
  return (
    <Container size="lg">
      <Title order={1} size="h2" mb="md">
        {t('projects.title')}
      </Title>
      <Loaded query={projects}>
        {(page) =>
          page.results.length === 0 ? (
            <Empty title={t('projects.none')}>{t('projects.none_help')}</Empty>
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
