/** Search the studies of a source, look into them, and pull those that are chosen. */
import { Button, Group, Pagination, Stack, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type SyntheticEvent } from 'react'
import { api, good } from '../api/client'
import { Empty, Loaded } from '../ui/states'
import { RemoteStudies } from './RemoteStudies'
import { filtersOf, NO_FIELDS, type SearchFields } from './studySearch'

const PAGE = 25

interface Props {
  projectId: string
  sourceId: string
  lastEnd: string
}

export function SourceSearch({ projectId, sourceId, lastEnd }: Props) {
  const queries = useQueryClient()
  const [asked, setAsked] = useState<SearchFields | null>(null)
  const [offset, setOffset] = useState(0)
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const path = { project_id: projectId, source_id: sourceId }
  const studies = useQuery({
    queryKey: ['remote-studies', sourceId, asked, offset, lastEnd],
    enabled: asked !== null,
    placeholderData: keepPreviousData,
    staleTime: Infinity, // every search is a question to another server
    refetchOnWindowFocus: false,
    queryFn: () => {
      const query = { ...filtersOf(asked ?? NO_FIELDS), limit: PAGE, offset }
      return good(
        api.GET('/api/v1/projects/{project_id}/sources/{source_id}/studies', { params: { path, query } }),
      )
    },
  })
  const pull = useMutation({
    mutationFn: () =>
      good(
        api.POST('/api/v1/projects/{project_id}/transfers', {
          params: { path: { project_id: projectId } },
          body: { source_id: sourceId, direction: 'pull', studies: [...chosen] },
        }),
      ),
    onSuccess: () => {
      setChosen(new Set())
      return queries.invalidateQueries({ queryKey: ['transfers', projectId] })
    },
    onError: (error) => notifications.show({ color: 'red', message: error.message }),
  })
  const search = (fields: SearchFields) => {
    setOffset(0)
    setChosen(new Set())
    setAsked(fields)
  }
  return (
    <Stack>
      <SearchForm isBusy={studies.isFetching} onSearch={search} />
      {asked === null ? (
        <Text c="dimmed">Search for studies to pull; * stands for any text and ? for one character.</Text>
      ) : (
        <Loaded query={studies}>
          {(page) =>
            page.results.length === 0 ? (
              <Empty title="No studies found">Try fewer or shorter words.</Empty>
            ) : (
              <>
                <RemoteStudies {...path} studies={page.results} chosen={chosen} onChoose={setChosen} />
                <Group justify="space-between">
                  <Button
                    disabled={chosen.size === 0}
                    loading={pull.isPending}
                    onClick={() => pull.mutate()}
                  >
                    Pull {chosen.size} {chosen.size === 1 ? 'study' : 'studies'}
                  </Button>
                  <Pagination.Root
                    total={offset / PAGE + (page.has_more ? 2 : 1)}
                    value={offset / PAGE + 1}
                    onChange={(number) => setOffset((number - 1) * PAGE)}
                  >
                    <Group gap="xs">
                      <Pagination.Previous aria-label="Previous page" />
                      <Text size="sm">Page {offset / PAGE + 1}</Text>
                      <Pagination.Next aria-label="Next page" />
                    </Group>
                  </Pagination.Root>
                </Group>
              </>
            )
          }
        </Loaded>
      )}
    </Stack>
  )
}

function SearchForm({ isBusy, onSearch }: { isBusy: boolean; onSearch: (fields: SearchFields) => void }) {
  const [fields, setFields] = useState(NO_FIELDS)
  const field = (name: keyof SearchFields) => ({
    value: fields[name],
    onChange: (event: { currentTarget: { value: string } }) => {
      const { value } = event.currentTarget
      setFields((before) => ({ ...before, [name]: value }))
    },
  })
  const submit = (event: SyntheticEvent) => {
    event.preventDefault()
    onSearch(fields)
  }
  return (
    <form onSubmit={submit} aria-label="Search the source">
      <Group align="end">
        <TextInput label="Patient name" placeholder="doe or *^jane" {...field('name')} />
        <TextInput label="Patient ID" {...field('patientId')} />
        <TextInput label="Accession number" {...field('accession')} />
        <TextInput label="Modality" w={90} placeholder="CT" {...field('modality')} />
        <TextInput label="From" type="date" {...field('from')} />
        <TextInput label="To" type="date" {...field('to')} />
        <Button type="submit" loading={isBusy}>
          Search
        </Button>
      </Group>
    </form>
  )
}
