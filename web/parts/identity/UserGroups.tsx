import { useTranslation } from 'react-i18next'
import { paths } from '../../paths.ts'
import { CreateButton } from '../actions.tsx'
import { descriptionColumn, nameColumn } from '../columns.tsx'
import { FormModal } from '../form/FormModal.tsx'
import { SubList } from '../SubList.tsx'
import { useGroupChoice } from './choices.ts'
import { type GroupRowData, GroupsQuery, GroupUserAdd } from './group-fields.ts'

/** The groups that a user is in. */
export function UserGroups({ userId }: { userId: string }) {
  const { t } = useTranslation()
  return (
    <SubList
      title={t('nav.groups')}
      query={GroupsQuery}
      variables={{ filter: { userId } }}
      rows={({ groups }) => groups}
      columns={[nameColumn<GroupRowData>(t, paths.group), descriptionColumn<GroupRowData>(t)]}
      actions={
        <CreateButton
          rule="identity.group.add-user"
          text={t('groups.join')}
          form={(close) => <JoinForm userId={userId} onClose={close} />}
        />
      }
      noneText={t('groups.none')}
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
