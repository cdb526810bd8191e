import SpaceBetween from '@cloudscape-design/components/space-between'
import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import { word } from '../../i18n/words.ts'
import { CreateButton, useActions, useDeleteAction } from '../../parts/actions.tsx'
import { createdColumn, nameFilter, nameOf, textColumn } from '../../parts/columns.tsx'
import {
  groupPolicies,
  ServerGroupCreate,
  type ServerGroupData,
  ServerGroupDelete,
  ServerGroupRow,
  ServerGroupsWatch,
} from '../../parts/compute/group-fields.ts'
import { FormModal } from '../../parts/form/FormModal.tsx'
import { ListPage } from '../../parts/ListPage.tsx'
import { paths } from '../../paths.ts'
import { PageLink } from '../../ui/PageLink.tsx'

const ServerGroupsQuery = graphql(
  `query ServerGroups($first: Int!, $after: String, $filter: ServerGroupFilterInput) {
    serverGroups(first: $first, after: $after, filter: $filter) {
      nodes { ...ServerGroupRow }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [ServerGroupRow],
)

export function ServerGroups() {
  const { t } = useTranslation()
  const remove = useDeleteAction<ServerGroupData>({
    rule: 'compute.server-group.delete',
    mutation: ServerGroupDelete,
    text: t('groupsOfServers.deleteText'),
  })
  const actions = useActions([remove], ({ name }) => name)
  return (
    <>
      <ListPage
        title={t('groupsOfServers.title')}
        description={t('groupsOfServers.description')}
        query={ServerGroupsQuery}
        rows={({ serverGroups }) => serverGroups}
        variables={(view) => ({ filter: { name: nameOf(view) } })}
        watch={ServerGroupsWatch}
        filters={{ text: nameFilter(t) }}
        columns={[
          { id: 'name', header: t('common.name'), isRowHeader: true, cell: ({ name }) => name },
          textColumn<ServerGroupData>('policy', t('groupsOfServers.policy'), ({ policy }) =>
            word('groupPolicy', policy),
          ),
          {
            id: 'members',
            header: t('groupsOfServers.members'),
            cell: ({ members }) => <Members members={members} />,
          },
          createdColumn<ServerGroupData>(t),
          ...actions.columns,
        ]}
        actions={<GroupCreateButton isPrimary />}
        none={{ title: t('groupsOfServers.none'), action: <GroupCreateButton /> }}
      />
      {actions.dialogs}
    </>
  )
}

function Members({ members }: Pick<ServerGroupData, 'members'>) {
  if (members.length === 0) return <>–</>
  return (
    <SpaceBetween direction="horizontal" size="xs">
      {members.map(({ id, name }) => (
        <PageLink key={id} href={paths.server(id)}>
          {name}
        </PageLink>
      ))}
    </SpaceBetween>
  )
}

function GroupCreateButton({ isPrimary }: { isPrimary?: boolean }) {
  const { t } = useTranslation()
  return (
    <CreateButton
      rule="compute.server-group.create"
      text={t('groupsOfServers.create')}
      isPrimary={isPrimary}
      form={(close) => (
        <FormModal
          title={t('groupsOfServers.create')}
          submitText={t('manage.create')}
          fields={[
            { kind: 'text', name: 'name', label: t('common.name'), isRequired: true },
            {
              kind: 'select',
              name: 'policy',
              label: t('groupsOfServers.policy'),
              description: t('groupsOfServers.policyText'),
              isOpen: true,
              first: groupPolicies[0],
              options: groupPolicies.map((value) => ({
                value,
                label: word('groupPolicy', value),
                description: word('groupPolicyText', value),
              })),
            },
          ]}
          mutation={ServerGroupCreate}
          input={({ name, policy }) => ({ name, policy: policy as ServerGroupData['policy'] })}
          onDone={(_, { name }) => ({ header: t('manage.done.created', { name }) })}
          onClose={close}
        />
      )}
    />
  )
}
