/** What may be believed of the loop, and whether to go on labeling. */
import { List, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { api, good, type Schemas } from '../api/client'
import { named, t } from '../i18n'
import { definitionOf } from '../labeling/definition'
import { Loaded } from '../ui/states'
import { evidenceText } from './evidenceText'
import { auditText, weightedText, windowText } from './headText'

interface Props {
  projectId: string
  target: Schemas['Target']
  basis: string // the newest head or round: the figures are those of its time
}

export function HonestFigures({ projectId, target, basis }: Props) {
  const nameOf = useNames(projectId, target.question)
  const figures = useQuery({
    queryKey: ['honest-figures', target.id, basis],
    queryFn: () =>
      good(api.GET('/api/v1/targets/{target_id}/honest-figures', { params: { path: { target_id: target.id } } })),
  })
  return <Loaded query={figures}>{(found) => <Figures found={found} target={target} nameOf={nameOf} />}</Loaded>
}

/** What the schema calls an answer of the question; the thirds of a number in the reader's language. */
function useNames(projectId: string, question: string): (key: string) => string {
  const schemas = useQuery({
    queryKey: ['schemas', projectId],
    queryFn: () => good(api.GET('/api/v1/projects/{project_id}/schemas', { params: { path: { project_id: projectId } } })),
  })
  const options = definitionOf(schemas.data?.[0]?.definition).questions?.find(({ key }) => key === question)?.options ?? []
  return (key) => options.find((one) => one.key === key)?.label ?? named(`evidence.${key.replaceAll(' ', '_')}`, key)
}

interface FiguresProps {
  found: Schemas['HonestFigures']
  target: Schemas['Target']
  nameOf: (key: string) => string
}

function Figures({ found, target, nameOf }: FiguresProps) {
  const hasHead = target.head_strategies.length > 0
  return (
    <Stack gap={4}>
      {hasHead && <Text size="sm">{found.audit ? auditText(found.audit, target.kind, found.unit) : t('quick.no_audit')}</Text>}
      {found.weighted && <Text size="sm">{weightedText(found.weighted, found.unit)}</Text>}
      {found.window && (found.audit ?? found.weighted) && <Text size="xs" c="dimmed">{windowText(found.window)}</Text>}
      {found.forecast !== null && <Text size="sm">{evidenceText(found.forecast_words, found.forecast)}</Text>}
      {found.agreement && found.agreement.holds !== true && (
        <Text size="sm" c={found.agreement.holds === false ? 'orange' : 'dimmed'}>{evidenceText(found.agreement.words, found.agreement.sentence)}</Text>
      )}
      <Text size="sm" fw={600} mt={4}>{t(found.is_stopping_advised ? 'quick.stop' : 'quick.go_on')}</Text>
      <List size="sm" spacing={2}>
        {found.conditions.map((condition) => (
          <List.Item key={condition.name} icon={<span aria-label={t(mark(condition.holds).said)}>{mark(condition.holds).sign}</span>}>
            {evidenceText(condition.words, condition.sentence, nameOf)}
          </List.Item>
        ))}
      </List>
    </Stack>
  )
}

function mark(holds: boolean | null) {
  if (holds === null) return { sign: '…', said: 'quick.unknown' } as const
  return holds ? ({ sign: '✓', said: 'quick.holds' } as const) : ({ sign: '–', said: 'quick.fails' } as const)
}
