/** Two versions of one read: what is here, what was saved elsewhere, and which one holds. */
import { Alert, Button, Group, SegmentedControl, Table, Text } from '@mantine/core'
import { t } from '../i18n'
import { keyed } from './actions'
import { shownAnswer } from './answerText'
import { isSameJson } from './content'
import type { Question } from './definition'

export interface Version {
  answers: Readonly<Record<string, unknown>>
  regions?: readonly unknown[]
  masks?: readonly unknown[]
}

export interface ConflictDialogProps {
  mine: Version
  theirs: Version
  questions: readonly Question[]
  /** Whether the page and its images show the other version. */
  isOther: boolean
  onLook: (isOther: boolean) => void
  onMine: () => void
  onTheirs: () => void
}

/** Stands in the panel and not above the page: the images must stay in sight to decide. */
export function ConflictDialog({ mine, theirs, questions, isOther, onLook, onMine, onTheirs }: ConflictDialogProps) {
  const rows = differences(mine, theirs, questions)
  return (
    <Alert color="orange" title={t('conflict.title')} data-testid="conflict" role="alert">
      <Text size="sm">{t('conflict.help')}</Text>
      {rows.length === 0 ? (
        <Text size="sm" mt="xs">
          {t('conflict.same')}
        </Text>
      ) : (
        <Table mt="xs" withRowBorders={false} verticalSpacing={2}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('conflict.what')}</Table.Th>
              <Table.Th>{t('conflict.here')}</Table.Th>
              <Table.Th>{t('conflict.there')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map(([what, here, there]) => (
              <Table.Tr key={what}>
                <Table.Td>{what}</Table.Td>
                <Table.Td>{here}</Table.Td>
                <Table.Td>{there}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      <Text size="sm" mt="xs">
        {t('conflict.look')}
      </Text>
      <SegmentedControl
        {...keyed('conflict_look')}
        size="xs"
        fullWidth
        aria-label={t('conflict.look')}
        value={isOther ? 'there' : 'here'}
        data={(['here', 'there'] as const).map((value) => ({ value, label: t(`conflict.${value}`) }))}
        onChange={(value) => onLook(value === 'there')}
      />
      <Group mt="sm">
        <Button {...keyed('conflict_mine')} size="xs" onClick={onMine}>
          {t('conflict.keep_mine')}
        </Button>
        <Button {...keyed('conflict_theirs')} size="xs" variant="default" onClick={onTheirs}>
          {t('conflict.take_theirs')}
        </Button>
      </Group>
    </Alert>
  )
}

/** Rows of [what, here, there] where the versions differ. */
function differences(mine: Version, theirs: Version, questions: readonly Question[]): [string, string, string][] {
  const keys = new Set([...Object.keys(mine.answers), ...Object.keys(theirs.answers)])
  const answers = [...keys].flatMap((key): [string, string, string][] => {
    const question = questions.find((one) => one.key === key)
    const here = shownAnswer(mine.answers[key], question)
    const there = shownAnswer(theirs.answers[key], question)
    return here === there ? [] : [[question?.label ?? key, here, there]]
  })
  const drawn = (['regions', 'masks'] as const).flatMap((part): [string, string, string][] => {
    const [here, there] = [mine[part] ?? [], theirs[part] ?? []]
    if (isSameJson(here, there)) return []
    return [[t(`conflict.${part}`), String(here.length), String(there.length)]]
  })
  return [...answers, ...drawn]
}
