/** A manager edits what readers are asked: as forms, or as JSON; publishing makes a new version. */
import { Alert, Badge, Button, Group, List, SegmentedControl, Stack, Tabs, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ApiError, good } from '../api/client'
import { t } from '../i18n'
import { definitionOf, type Definition, type Question } from '../labeling/definition'
import { shownKey } from '../labeling/keyText'
import { Loaded } from '../ui/states'
import { SchemaEditorJson } from './SchemaEditorJson'
import { SchemaEditorList } from './SchemaEditorList'
import { HangingForms, OptionForms, RegionLabelForms, SegmentForms } from './SchemaEditorParts'
import { SchemaEditorQuestion } from './SchemaEditorQuestion'
import { draftProblems, newQuestion, type DraftProblem } from './schemaDraft'

export function SchemaEditor({ projectId }: { projectId: string }) {
  const versions = useQuery({
    queryKey: ['schemas', projectId],
    refetchOnWindowFocus: false, // what is typed must not be drawn anew
    queryFn: () =>
      good(api.GET('/api/v1/projects/{project_id}/schemas', { params: { path: { project_id: projectId } } })),
  })
  return (
    <Loaded query={versions}>
      {([newest]) => (
        <Editor
          key={newest?.version ?? 0}
          projectId={projectId}
          version={newest?.version ?? 0}
          published={definitionOf(newest?.definition)}
        />
      )}
    </Loaded>
  )
}

interface EditorProps {
  projectId: string
  version: number
  published: Definition
}

function Editor({ projectId, version, published }: EditorProps) {
  const queries = useQueryClient()
  const [draft, setDraft] = useState(published)
  const [mode, setMode] = useState('forms')
  const [mistake, setMistake] = useState('')
  const switchTo = (next: string) => {
    setMode(next)
    setMistake('') // text that is no JSON was never part of the draft
  }
  const isChanged = JSON.stringify(draft) !== JSON.stringify(published)
  const problems = draftProblems(draft)
  const publish = useMutation({
    mutationFn: () =>
      good(
        api.POST('/api/v1/projects/{project_id}/schemas', {
          params: { path: { project_id: projectId } }, body: { definition: draft },
        }),
      ),
    onSuccess: ({ version: made }) => {
      notifications.show({ color: 'teal', message: t('schema.published', { version: made }) })
      return queries.invalidateQueries({ queryKey: ['schemas', projectId] })
    },
  })
  return (
    <Stack>
      <Group justify="space-between">
        <Group gap="xs">
          <Text size="sm" c="dimmed">
            {version === 0 ? t('schema.none') : t('schema.version', { version })}
          </Text>
          {isChanged && (
            <Badge variant="light" color="orange">
              {t('schema.changed')}
            </Badge>
          )}
        </Group>
        <Group gap="xs">
          <SegmentedControl size="xs" aria-label={t('schema.mode')} value={mode} onChange={switchTo} data={[{ value: 'forms', label: t('schema.forms') }, { value: 'json', label: t('schema.json') }]} />
          <Button variant="default" disabled={!isChanged} onClick={() => setDraft(published)}>
            {t('schema.discard')}
          </Button>
          <Button disabled={!isChanged || problems.length > 0 || mistake !== ''} loading={publish.isPending} onClick={() => publish.mutate()}>
            {t('schema.publish')}
          </Button>
        </Group>
      </Group>
      <Text size="sm" c="dimmed">
        {t('schema.publish_help')}
      </Text>
      {publish.error && <Refusal error={publish.error} />}
      <Problems problems={problems} />
      {mode === 'json' ? (
        <SchemaEditorJson definition={draft} onChange={setDraft} onMistake={setMistake} />
      ) : (
        <Forms draft={draft} published={(published.questions ?? []).map(({ key }) => key)} onChange={setDraft} />
      )}
    </Stack>
  )
}

interface FormsProps {
  draft: Definition
  published: readonly string[]
  onChange: (draft: Definition) => void
}

function Forms({ draft, published, onChange }: FormsProps) {
  const { questions = [], region_labels = [], segments = [], hanging = [], options = {} } = draft
  return (
    <Tabs defaultValue="questions" variant="outline" keepMounted={false}>
      <Tabs.List mb="md">
        <Tabs.Tab value="questions">{t('schema.questions')}</Tabs.Tab>
        <Tabs.Tab value="regions">{t('schema.region_labels')}</Tabs.Tab>
        <Tabs.Tab value="segments">{t('segments.title')}</Tabs.Tab>
        <Tabs.Tab value="hanging">{t('schema.hanging')}</Tabs.Tab>
        <Tabs.Tab value="options">{t('schema.project_options')}</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="questions">
        <SchemaEditorList<Question>
          items={questions}
          nameOf={({ label, key }) => label || key}
          addLabel={t('schema.add_question')}
          onAdd={() => newQuestion(t('schema.new_question', { number: questions.length + 1 }), questions.map(({ key }) => key))}
          onChange={(changed) => onChange({ ...draft, questions: changed })}
        >
          {(question, change) => <SchemaEditorQuestion question={question} questions={questions} labels={region_labels} published={published} onChange={change} />}
        </SchemaEditorList>
      </Tabs.Panel>
      <Tabs.Panel value="regions">
        <RegionLabelForms items={region_labels} onChange={(changed) => onChange({ ...draft, region_labels: changed })} />
      </Tabs.Panel>
      <Tabs.Panel value="segments">
        <SegmentForms items={segments} onChange={(changed) => onChange({ ...draft, segments: changed })} />
      </Tabs.Panel>
      <Tabs.Panel value="hanging">
        <HangingForms items={hanging} onChange={(changed) => onChange({ ...draft, hanging: changed })} />
      </Tabs.Panel>
      <Tabs.Panel value="options">
        <OptionForms options={options} onChange={(changed) => onChange({ ...draft, options: changed })} />
      </Tabs.Panel>
    </Tabs>
  )
}

function Refusal({ error }: { error: Error }) {
  const fields = error instanceof ApiError ? Object.entries(error.problem.fields ?? {}) : []
  return (
    <Alert color="red" role="alert" title={t('schema.refused')}>
      <Text size="sm">{error.message}</Text>
      <List size="sm">
        {fields.map(([field, message]) => (
          <List.Item key={field}>{t('schema.field', { field, message })}</List.Item>
        ))}
      </List>
    </Alert>
  )
}

function Problems({ problems }: { problems: readonly DraftProblem[] }) {
  if (problems.length === 0) return null
  return (
    <Alert color="orange" title={t('schema.problems')}>
      <List size="sm">
        {problems.map((problem) => (
          <List.Item key={JSON.stringify(problem)}>{problemText(problem)}</List.Item>
        ))}
      </List>
    </Alert>
  )
}

function problemText(problem: DraftProblem): string {
  switch (problem.kind) {
    case 'hotkey_taken':
      return t('schema.hotkey_taken', { key: shownKey(problem.hotkey), label: problem.label })
    case 'hotkey_used_twice':
      return t('schema.hotkey_used_twice', { key: shownKey(problem.hotkey), label: problem.label })
    case 'too_few_options':
      return t('schema.too_few_options', { label: problem.label })
    case 'no_label':
      return t('schema.no_label', { key: problem.key })
  }
}
