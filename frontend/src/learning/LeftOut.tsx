/** Which cases a job could not use, and why: how many for each reason, with links to some of them. */
import { Anchor, List, Text } from '@mantine/core'
import { Link } from 'react-router'
import type { Schemas } from '../api/client'
import { wordsText } from '../api/saidText'
import { t } from '../i18n'

export function LeftOut({ projectId, told }: { projectId: string; told: Schemas['LeftOut'] }) {
  const { excluded_count: count = 0, excluded_reasons: reasons = [] } = told
  if (count === 0) return null
  return (
    <details data-testid="left-out">
      <Text component="summary" size="sm" c="dimmed" mt={4}>{t('left_out.count', { count })}</Text>
      <List size="sm" c="dimmed">
        {reasons.map((reason) => (
          <List.Item key={reason.reason}>
            {t('left_out.reason', { count: reason.count, reason: wordsText(reason.words, 'left_out') ?? reason.reason })}
            <CaseLinks projectId={projectId} cases={reason.cases} />
          </List.Item>
        ))}
      </List>
    </details>
  )
}

function CaseLinks({ projectId, cases }: { projectId: string; cases: Schemas['ExclusionReason']['cases'] }) {
  return cases.map((id, place) => (
    <Anchor key={id} component={Link} to={`/projects/${projectId}/cases/${id}`} size="sm" ml="xs">
      {t('left_out.case', { number: place + 1 })}
    </Anchor>
  ))
}
