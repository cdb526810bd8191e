import Header from '@cloudscape-design/components/header'
import Table from '@cloudscape-design/components/table'
import { useTranslation } from 'react-i18next'
import { useQuery } from 'urql'
import { explain } from '../../errors.ts'
import { usePages } from '../../hooks/list-view.ts'
import { paths } from '../../paths.ts'
import { Empty } from '../../ui/Empty.tsx'
import { FormModal } from '../form/FormModal.tsx'
import { ProblemAlert } from '../Problem.tsx'
import { Paging } from '../ResourceTable.tsx'
import { CreateButton } from './actions.tsx'
import { useGroupChoice } from './choices.ts'
import { descriptionColumn, nameColumn } from './columns.tsx'
import { type GroupRowData, GroupsQuery, GroupUserAdd } from './group-fields.ts'

const rowsPerPage = 20

/** The groups that a user is in. */
export function UserGroups({ userId }: { userId: string }) {
  const { t } = useTranslation()
  const pages = usePages(userId)
  const variables = { first: rowsPerPage, after: pages.after, filter: { userId } }
  const [{ data, error }] = useQuery({ query: GroupsQuery, variables })
  if (error && !data) return <ProblemAlert problem={explain(error)} />
  const found = data?.groups
  return (
    <Table
      variant="container"
      items={found?.nodes ?? []}
      trackBy="id"
      loading={!data}
      loadingText={t('common.loading')}
      ariaLabels={{ tableLabel: t('nav.groups') }}
      columnDefinitions={[
        nameColumn<GroupRowData>(t, paths.group),
        descriptionColumn<GroupRowData>(t),
      ]}
      header={
        <Header
          variant="h2"
          counter={found && `(${found.totalCount})`}
          actions={
            <CreateButton
              rule="identity.group.add-user"
              text={t('groups.join')}
              form={(close) => <JoinForm userId={userId} onClose={close} />}
            />
          }
        >
          {t('nav.groups')}
        </Header>
      }
      pagination={<Paging pages={pages} pageInfo={found?.pageInfo} />}
      empty={<Empty title={t('groups.none')} />}
    />
  )
}

function JoinForm({ userId, onClose }: { userId: string; onClose(): void }) {
  const { t } = useTranslation()
  const groups = useGroupChoice()
  return (
    <FormModal
      title={t('groups.join')}
      submitText={t('manage.add')}
      fields={[
        { kind: 'select', name: 'groupId', label: t('access.group'), isRequired: true, ...groups },
      ]}
      mutation={GroupUserAdd}
      input={({ groupId }) => ({ groupId, userId })}
      onDone={() => ({ header: t('groups.added') })}
      onClose={onClose}
    />
  )
}
