import Alert from '@cloudscape-design/components/alert'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { graphql } from '../../graphql.ts'
import { useHistoryTab } from '../../parts/AuditHistory.tsx'
import { DetailLayout, DetailPage } from '../../parts/DetailPage.tsx'
import { factsOf } from '../../parts/facts.tsx'
import { useAccessTab } from '../../parts/identity/Assignments.tsx'
import { UserGroups } from '../../parts/identity/UserGroups.tsx'
import { useUserActions } from '../../parts/identity/user-actions.tsx'
import { UserRow, type UserRowData, UserWatch } from '../../parts/identity/user-fields.ts'
import { paths } from '../../paths.ts'
import { formatMoment } from '../../ui/format.ts'
import { Moment } from '../../ui/Moment.tsx'
import { PageLink } from '../../ui/PageLink.tsx'

const UserQuery = graphql(`query User($id: ID!) { user(id: $id) { ...UserRow } }`, [UserRow])

export function User() {
  const { t } = useTranslation()
  return (
    <DetailPage
      query={UserQuery}
      resource={({ user }) => user}
      watch={UserWatch}
      list={{ text: t('nav.users'), href: paths.users() }}
      oneText={t('access.user')}
      Content={UserContent}
    />
  )
}

function UserContent({ resource: user }: { resource: UserRowData }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const actions = useUserActions(() => void navigate(paths.users()))
  const access = useAccessTab({ userId: user.id })
  const history = useHistoryTab(user.id)
  const groups = { id: 'groups', label: t('nav.groups'), content: <UserGroups userId={user.id} /> }
  return (
    <>
      <DetailLayout
        title={user.name}
        list={{ text: t('nav.users'), href: paths.users() }}
        actions={actions.buttons(user)}
        alert={
          user.lockedUntil && (
            <Alert type="warning" header={t('users.locked')}>
              {t('users.lockedText', { until: formatMoment(user.lockedUntil) })}
            </Alert>
          )
        }
        facts={factsOf(t, user, [
          {
            label: t('domains.one'),
            value: <PageLink href={paths.domain(user.domain.id)}>{user.domain.name}</PageLink>,
          },
          { label: t('users.email'), value: user.email || '–' },
          { label: t('users.defaultProject'), value: user.defaultProject?.name ?? '–' },
          { label: t('users.totp'), value: user.hasTotp ? t('manage.yes') : t('manage.no') },
          {
            label: t('users.mustChange'),
            value: user.mustChangePassword ? t('manage.yes') : t('manage.no'),
          },
          {
            label: t('users.passwordExpires'),
            value: <Moment at={user.passwordExpiresAt} />,
          },
        ])}
        tabs={[groups, ...access, ...history]}
      />
      {actions.dialogs}
    </>
  )
}
