/** What a user has of one's own: facts, password, second factor, credentials, trusts, sessions. */
import Button from '@cloudscape-design/components/button'
import Container from '@cloudscape-design/components/container'
import Header from '@cloudscape-design/components/header'
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { useTranslation } from 'react-i18next'
import { useQuery } from 'urql'
import { explain } from '../../errors.ts'
import { graphql } from '../../graphql.ts'
import { useFollow } from '../../hooks/follow.ts'
import { word } from '../../i18n/words.ts'
import { AddressTabs } from '../../parts/DetailPage.tsx'
import { AppCredentials } from '../../parts/identity/AppCredentials.tsx'
import { Ec2Credentials } from '../../parts/identity/Ec2Credentials.tsx'
import { SecondFactor } from '../../parts/identity/SecondFactor.tsx'
import { Trusts } from '../../parts/identity/Trusts.tsx'
import { TokensRevoke, UserRow, type UserRowData } from '../../parts/identity/user-fields.ts'
import { ProblemAlert } from '../../parts/Problem.tsx'
import { scopeName } from '../../parts/scopes.ts'
import { useRowAction } from '../../parts/use-row-action.tsx'
import { may, useViewer } from '../../parts/viewer.ts'
import { paths } from '../../paths.ts'
import { endSession } from '../../session.ts'
import { CopyId } from '../../ui/CopyId.tsx'
import { Loading } from '../../ui/Loading.tsx'
import { Moment } from '../../ui/Moment.tsx'
import { Page } from '../../ui/Page.tsx'

const ProfileQuery = graphql(
  `query Profile($id: ID!) {
    user(id: $id) { ...UserRow }
    session { expiresAt methods }
  }`,
  [UserRow],
)

export function Profile() {
  const { t } = useTranslation()
  const viewer = useViewer()
  const [{ data, error }] = useQuery({ query: ProfileQuery, variables: { id: viewer.user.id } })
  const tabs = [
    {
      rule: 'identity.application-credential.list',
      id: 'apps',
      label: t('profile.apps'),
      content: <AppCredentials />,
    },
    {
      rule: 'identity.ec2-credential.list',
      id: 'ec2',
      label: t('profile.ec2'),
      content: <Ec2Credentials />,
    },
    {
      rule: 'identity.trust.list',
      id: 'trusts',
      label: t('profile.trusts'),
      content: <Trusts />,
    },
  ].filter(({ rule }) => may(viewer, rule))
  const account = {
    id: 'account',
    label: t('profile.account'),
    content: data?.user ? (
      <Account user={data.user} session={data.session} />
    ) : error ? (
      <ProblemAlert problem={explain(error)} />
    ) : (
      <Loading text={t('common.loading')} />
    ),
  }
  return (
    <Page title={t('nav.profile')}>
      <AddressTabs tabs={[account, ...tabs]} />
    </Page>
  )
}

interface AccountProps {
  user: UserRowData
  session: { expiresAt: string; methods: readonly string[] }
}

function Account({ user, session }: AccountProps) {
  const { t } = useTranslation()
  const viewer = useViewer()
  const follow = useFollow()
  const end = useRowAction({
    mutation: TokensRevoke,
    variables: ({ id }: UserRowData) => ({ input: { userId: id } }),
    question: () => ({
      title: t('profile.endTitle'),
      text: t('profile.endText'),
      confirmText: t('users.end'),
    }),
    doneText: ({ name }) => t('users.ended', { name }),
    refusedText: ({ name }) => t('manage.refused', { name }),
    onDone: () => endSession('signedOut'),
  })
  const methods = session.methods.map((method) => word('signInMethod', method)).join(', ')
  const roles = viewer.roles.map(({ name }) => word('role', name)).join(', ')
  return (
    <SpaceBetween size="l">
      <Container
        header={
          <Header
            variant="h2"
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <Button href={paths.passwordChange()} onFollow={follow}>
                  {t('profile.changePassword')}
                </Button>
                <Button onClick={() => end.request(user)}>{t('users.end')}</Button>
              </SpaceBetween>
            }
          >
            {t('detail.details')}
          </Header>
        }
      >
        <KeyValuePairs
          columns={3}
          items={[
            { label: t('common.name'), value: user.name },
            { label: t('domains.one'), value: user.domain.name },
            { label: t('users.email'), value: user.email || '–' },
            { label: t('shell.scope'), value: scopeName(viewer) },
            { label: t('profile.roles'), value: roles || '–' },
            { label: t('profile.methods'), value: methods },
            { label: t('profile.sessionEnds'), value: <Moment at={session.expiresAt} /> },
            { label: t('users.passwordExpires'), value: <Moment at={user.passwordExpiresAt} /> },
            { label: t('common.id'), value: <CopyId id={user.id} /> },
          ]}
        />
      </Container>
      <SecondFactor isOn={user.hasTotp === true} />
      {end.dialog}
    </SpaceBetween>
  )
}
