import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { graphql } from '../../graphql.ts'
import { useHistoryTab } from '../../parts/AuditHistory.tsx'
import { DetailLayout, DetailPage } from '../../parts/DetailPage.tsx'
import { factsOf } from '../../parts/facts.tsx'
import { useAccessTab } from '../../parts/identity/Assignments.tsx'
import { ImpliedRoles } from '../../parts/identity/ImpliedRoles.tsx'
import { useRoleActions } from '../../parts/identity/role-actions.tsx'
import { RoleRow, type RoleRowData, RoleWatch } from '../../parts/identity/role-fields.ts'
import { paths } from '../../paths.ts'

const RoleQuery = graphql(`query Role($id: ID!) { role(id: $id) { ...RoleRow } }`, [RoleRow])

export function Role() {
  const { t } = useTranslation()
  return (
    <DetailPage
      query={RoleQuery}
      resource={({ role }) => role}
      watch={RoleWatch}
      list={{ text: t('nav.roles'), href: paths.roles() }}
      oneText={t('access.role')}
      Content={RoleContent}
    />
  )
}

function RoleContent({ resource: role }: { resource: RoleRowData }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const actions = useRoleActions(() => void navigate(paths.roles()))
  const access = useAccessTab({ roleId: role.id })
  const history = useHistoryTab(role.id)
  const implied = {
    id: 'implies',
    label: t('roles.implies'),
    content: <ImpliedRoles role={role} />,
  }
  return (
    <>
      <DetailLayout
        title={role.name}
        list={{ text: t('nav.roles'), href: paths.roles() }}
        actions={actions.buttons(role)}
        facts={factsOf(t, role, [{ label: t('domains.one'), value: role.domain?.name ?? '–' }])}
        tabs={[implied, ...access, ...history]}
      />
      {actions.dialogs}
    </>
  )
}
