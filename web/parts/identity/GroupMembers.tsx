import type { ResultOf } from 'gql.tada'
import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import { paths } from '../../paths.ts'
import { CreateButton, useActions, useRemoveAction } from '../actions.tsx'
import { enabledColumn, nameColumn } from '../columns.tsx'
import { FormModal } from '../form/FormModal.tsx'
import { SubList } from '../SubList.tsx'
import { useUserChoice } from './choices.ts'
import { GroupUserAdd, GroupUserRemove } from './group-fields.ts'

const Member = graphql(`fragment GroupMember on User { id name description enabled }`)

type MemberData = ResultOf<typeof Member>

const MembersQuery = graphql(
  `query GroupMembers($first: Int!, $after: String, $id: ID!) {
    users(first: $first, after: $after, filter: { groupId: $id }) {
      nodes { ...GroupMember }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }`,
  [Member],
)

/** Who is in a group. */
export function GroupMembers({ groupId }: { groupId: string }) {
  const { t } = useTranslation()
  const remove = useRemoveAction({
    rule: 'identity.group.remove-user',
    mutation: GroupUserRemove,
    input: ({ id }: MemberData) => ({ groupId, userId: id }),
    text: t('groups.removeText'),
  })
  const actions = useActions([remove], ({ name }) => name)
  return (
    <>
      <SubList
        title={t('groups.members')}
        query={MembersQuery}
        variables={{ id: groupId }}
        rows={({ users }) => users}
        columns={[
          nameColumn<MemberData>(t, paths.user),
          enabledColumn<MemberData>(t),
          ...actions.columns,
        ]}
        actions={
          <CreateButton
            rule="identity.group.add-user"
            text={t('groups.add')}
            form={(close) => <AddForm groupId={groupId} onClose={close} />}
          />
        }
        noneText={t('groups.noMembers')}
      />
      {actions.dialogs}
    </>
  )
}

function AddForm({ groupId, onClose }: { groupId: string; onClose(): void }) {
  const { t } = useTranslation()
  const users = useUserChoice()
  return (
    <FormModal
      title={t('groups.add')}
      submitText={t('manage.add')}
      fields={[
        { kind: 'select', name: 'userId', label: t('access.user'), isRequired: true, ...users },
      ]}
      mutation={GroupUserAdd}
      input={({ userId }) => ({ groupId, userId })}
      onDone={() => ({ header: t('groups.added') })}
      onClose={onClose}
    />
  )
}
