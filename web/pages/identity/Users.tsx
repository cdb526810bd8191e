import StatusIndicator from '@cloudscape-design/components/status-indicator'
import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import type { ListView } from '../../hooks/list-view.ts'
import {
  createdColumn,
  EnabledStatus,
  enabledChoice,
  enabledOf,
  nameColumn,
  nameFilter,
  nameOf,
  textColumn,
} from '../../parts/columns.tsx'
import { useDomainFilter } from '../../parts/identity/choices.ts'
import { UserCreateButton, useUserActions } from '../../parts/identity/user-actions.tsx'
import { UserRow, type UserRowData, UsersWatch } from '../../parts/identity/user-fields.ts'
import { ListPage } from '../../parts/ListPage.tsx'
import { paths } from '../../paths.ts'

const UsersQuery = graphql(
  `query Users($first: Int!, $after: String, $filter: UserFilterInput) {
    users(first: $first, after: $after, filter: $filter) {
      nodes { ...UserRow }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [UserRow],
)

const variablesOf = (view: ListView) => ({
  filter: {
    name: nameOf(view),
    enabled: enabledOf(view),
    domainId: view.get('domain') || undefined,
  },
})

export function Users() {
  const { t } = useTranslation()
  const actions = useUserActions()
  const domainFilter = useDomainFilter()
  return (
    <>
      <ListPage
        title={t('nav.users')}
        description={t('users.description')}
        query={UsersQuery}
        rows={({ users }) => users}
        variables={variablesOf}
        watch={UsersWatch}
        filters={{ text: nameFilter(t), choices: [enabledChoice(t), ...domainFilter] }}
        columns={[
          nameColumn<UserRowData>(t, paths.user),
          {
            id: 'enabled',
            header: t('common.status'),
            minWidth: 120,
            hasDynamicContent: true,
            cell: (user) => <UserStatus user={user} />,
          },
          textColumn('domain', t('domains.one'), ({ domain }: UserRowData) => domain.name),
          textColumn('email', t('users.email'), ({ email }: UserRowData) => email),
          textColumn('totp', t('users.totp'), ({ hasTotp }: UserRowData) =>
            hasTotp ? t('manage.yes') : t('manage.no'),
          ),
          createdColumn(t),
          ...actions.columns,
        ]}
        actions={<UserCreateButton isPrimary />}
        none={{ title: t('users.none'), action: <UserCreateButton /> }}
      />
      {actions.dialogs}
    </>
  )
}

function UserStatus({ user: { enabled, lockedUntil } }: { user: UserRowData }) {
  const { t } = useTranslation()
  if (!lockedUntil) return <EnabledStatus enabled={enabled} />
  return <StatusIndicator type="warning">{t('users.locked')}</StatusIndicator>
}
