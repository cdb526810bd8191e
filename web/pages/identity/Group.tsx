import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { graphql } from '../../graphql.ts'
import { useHistoryTab } from '../../parts/AuditHistory.tsx'
import { DetailLayout, DetailPage } from '../../parts/DetailPage.tsx'
import { factsOf } from '../../parts/facts.tsx'
import { useAccessTab } from '../../parts/identity/Assignments.tsx'
import { GroupMembers } from '../../parts/identity/GroupMembers.tsx'
import { useGroupActions } from '../../parts/identity/group-actions.tsx'
import { GroupRow, type GroupRowData, GroupWatch } from '../../parts/identity/group-fields.ts'
import { paths } from '../../paths.ts'
import { PageLink } from '../../ui/PageLink.tsx'

const GroupQuery = graphql(`query Group($id: ID!) { group(id: $id) { ...GroupRow } }`, [GroupRow])

export function Group() {
  const { t } = useTranslation()
  return (
    <DetailPage
      query={GroupQuery}
      resource={({ group }) => group}
      watch={GroupWatch}
      list={{ text: t('nav.groups'), href: paths.groups() }}
      oneText={t('access.group')}
      Content={GroupContent}
    />
  )
}

function GroupContent({ resource: group }: { resource: GroupRowData }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const actions = useGroupActions(() => void navigate(paths.groups()))
  const access = useAccessTab({ groupId: group.id })
  const history = useHistoryTab(group.id)
  const members = {
    id: 'members',
    label: t('groups.members'),
    content: <GroupMembers groupId={group.id} />,
  }
  return (
    <>
      <DetailLayout
        title={group.name}
        list={{ text: t('nav.groups'), href: paths.groups() }}
        actions={actions.buttons(group)}
        facts={factsOf(t, group, [
          {
            label: t('domains.one'),
            value: <PageLink href={paths.domain(group.domain.id)}>{group.domain.name}</PageLink>,
          },
        ])}
        tabs={[members, ...access, ...history]}
      />
      {actions.dialogs}
    </>
  )
}
