import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import type { ListView } from '../../hooks/list-view.ts'
import {
  descriptionColumn,
  nameColumn,
  nameFilter,
  nameOf,
  textColumn,
} from '../../parts/columns.tsx'
import { useDomainFilter } from '../../parts/identity/choices.ts'
import { RoleCreateButton, useRoleActions } from '../../parts/identity/role-actions.tsx'
import { RoleRow, type RoleRowData, RolesWatch } from '../../parts/identity/role-fields.ts'
import { ListPage } from '../../parts/ListPage.tsx'
import { paths } from '../../paths.ts'

const RolesQuery = graphql(
  `query Roles($first: Int!, $after: String, $filter: RoleFilterInput) {
    roles(first: $first, after: $after, filter: $filter) {
      nodes { ...RoleRow }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [RoleRow],
)

const variablesOf = (view: ListView) => ({
  filter: { name: nameOf(view), domainId: view.get('domain') || undefined },
})

export function Roles() {
  const { t } = useTranslation()
  const actions = useRoleActions()
  const domainFilter = useDomainFilter()
  return (
    <>
      <ListPage
        title={t('nav.roles')}
        description={t('roles.description')}
        query={RolesQuery}
        rows={({ roles }) => roles}
        variables={variablesOf}
        watch={RolesWatch}
        filters={{ text: nameFilter(t), choices: domainFilter }}
        columns={[
          nameColumn<RoleRowData>(t, paths.role),
          textColumn('implies', t('roles.implies'), ({ implies }: RoleRowData) =>
            implies.map(({ name }) => name).join(', '),
          ),
          textColumn('domain', t('domains.one'), ({ domain }: RoleRowData) => domain?.name),
          descriptionColumn(t),
          ...actions.columns,
        ]}
        actions={<RoleCreateButton isPrimary />}
        none={{ title: t('roles.none'), action: <RoleCreateButton /> }}
      />
      {actions.dialogs}
    </>
  )
}
