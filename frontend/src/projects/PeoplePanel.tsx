/** Who takes part in a project, and as what. For managers. */
import { Alert, Badge, Button, Group, Select, Stack, Table, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, good, type Project, type Schemas } from '../api/client'
import { useMe } from '../api/me'
import { refusalOf } from '../api/refusedFields'
import { t } from '../i18n'
import { showError } from '../ui/notify'
import { Loaded } from '../ui/states'
import { RemoveMember } from './RemoveMember'

type Member = Schemas['Member']
const ROLES = ['annotator', 'reviewer', 'manager'] as const
type Role = (typeof ROLES)[number]

export function PeoplePanel({ project }: { project: Project }) {
  const me = useMe().data?.id
  const members = useQuery({
    queryKey: ['members', project.id],
    queryFn: () => good(api.GET('/api/v1/projects/{project_id}/members', { params: { path: { project_id: project.id } } })),
  })
  return (
    <Stack data-testid="people">
      <Text size="sm" c="dimmed" maw={760}>{t('people.help')}</Text>
      <Loaded query={members}>
        {(rows) => (
          <>
            <AddMember projectId={project.id} members={rows} />
            <Table verticalSpacing={6} maw={760}>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t('people.name')}</Table.Th>
                  <Table.Th>{t('people.role')}</Table.Th>
                  <Table.Th />
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {rows.map((member) => (
                  <MemberRow key={member.user_id} project={project} member={member} isMe={member.user_id === me} />
                ))}
              </Table.Tbody>
            </Table>
          </>
        )}
      </Loaded>
    </Stack>
  )
}

/** Sets what somebody may do in the project; who is not in it yet is added. */
function useSetMember(projectId: string, options: { onDone?: () => void; onError?: (error: Error) => void }) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (body: { username: string; role: Role }) =>
      good(api.PUT('/api/v1/projects/{project_id}/members', { params: { path: { project_id: projectId } }, body })),
    onSuccess: () => {
      options.onDone?.()
      return queries.invalidateQueries({ queryKey: ['members', projectId] })
    },
    ...(options.onError && { onError: options.onError }),
  })
}

function AddMember({ projectId, members }: { projectId: string; members: readonly Member[] }) {
  const form = useForm<{ username: string; role: Role }>({
    initialValues: { username: '', role: 'annotator' },
    transformValues: ({ username, role }) => ({ username: username.trim(), role }),
    validate: {
      // The server would take it for another role.
      username: (name) => (members.some(({ username }) => isSame(username, name)) ? t('people.is_member') : null),
    },
  })
  const add = useSetMember(projectId, { onDone: () => form.reset() })
  const { fields, rest } = refusalOf(add.error, ['username', 'role'])
  return (
    <form aria-label={t('people.add_form')} onSubmit={form.onSubmit((values) => add.mutate(values))}>
      <Group align="flex-start">
        <TextInput label={t('people.name')} placeholder={t('people.name_help')} required maxLength={150} w="16rem" autoComplete="off"
          {...form.getInputProps('username')} error={form.errors.username ?? fields.username} />
        <Select label={t('people.role')} w="11rem" allowDeselect={false} data={rolesToChoose()} {...form.getInputProps('role')} error={fields.role} />
        <Button type="submit" mt="1.55rem" loading={add.isPending}>{t('people.add')}</Button>
      </Group>
      {rest && <Alert mt="sm" color="red" role="alert">{rest.message}</Alert>}
    </form>
  )
}

/** Nobody locks themselves out by a slip: another manager changes one's own role. */
function MemberRow({ project, member, isMe }: { project: Project; member: Member; isMe: boolean }) {
  const { username, role, is_active } = member
  const set = useSetMember(project.id, { onError: showError })
  return (
    <Table.Tr data-testid={`member-${username}`}>
      <Table.Td>
        <Group gap="xs">
          {username}
          {isMe && <Badge variant="light">{t('people.you')}</Badge>}
          {!is_active && <Badge variant="light" color="orange">{t('people.disabled')}</Badge>}
        </Group>
      </Table.Td>
      <Table.Td>
        {isMe ? t(`role.${role}`) : (
          <Select size="xs" w="11rem" aria-label={t('people.role_of', { name: username })} allowDeselect={false} data={rolesToChoose()}
            value={role} onChange={(chosen) => chosen !== null && chosen !== role && set.mutate({ username, role: chosen })} />
        )}
      </Table.Td>
      <Table.Td ta="right">{!isMe && <RemoveMember project={project} member={member} />}</Table.Td>
    </Table.Tr>
  )
}

function rolesToChoose() {
  return ROLES.map((value) => ({ value, label: t(`role.${value}`) }))
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.trim().toLowerCase()
}
