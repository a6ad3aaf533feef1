/** Search the studies of a source, look into them, and pull those that are chosen. */
import { Button, Group, Pagination, Stack, Text, TextInput } from '@mantine/core'
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type SyntheticEvent } from 'react'
import { api, good } from '../api/client'
import { t } from '../i18n'
import { showError } from '../ui/notify'
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
    onError: showError,
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
        <Text c="dimmed">{t('sources.search_help')}</Text>
      ) : (
        <Loaded query={studies}>
          {(page) =>
            page.results.length === 0 ? (
              <Empty title={t('sources.none_found')}>{t('sources.none_found_help')}</Empty>
            ) : (
              <>
                <RemoteStudies {...path} studies={page.results} chosen={chosen} onChoose={setChosen} />
                <Group justify="space-between">
                  <Button
                    disabled={chosen.size === 0}
                    loading={pull.isPending}
                    onClick={() => pull.mutate()}
                  >
                    {t('sources.pull', { count: chosen.size })}
                  </Button>
                  <Pagination.Root
                    total={offset / PAGE + (page.has_more ? 2 : 1)}
                    value={offset / PAGE + 1}
                    onChange={(number) => setOffset((number - 1) * PAGE)}
                  >
                    <Group gap="xs">
                      <Pagination.Previous aria-label={t('ui.previous_page')} />
                      <Text size="sm">{t('ui.page', { number: offset / PAGE + 1 })}</Text>
                      <Pagination.Next aria-label={t('ui.next_page')} />
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
    <form onSubmit={submit} aria-label={t('sources.search_form')}>
      <Group align="end">
        <TextInput label={t('sources.patient_name')} placeholder={t('sources.name_example')} {...field('name')} />
        <TextInput label={t('sources.patient_id')} {...field('patientId')} />
        <TextInput label={t('sources.accession')} {...field('accession')} />
        <TextInput label={t('sources.modality')} w={90} placeholder={t('sources.modality_example')} {...field('modality')} />
        <TextInput label={t('sources.from')} type="date" {...field('from')} />
        <TextInput label={t('sources.to')} type="date" {...field('to')} />
        <Button type="submit" loading={isBusy}>
          {t('sources.search')}
        </Button>
      </Group>
    </form>
  )
}
