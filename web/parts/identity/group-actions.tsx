import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { paths } from '../../paths.ts'
import {
  type Actions,
  CreateButton,
  useActions,
  useDeleteAction,
  useFormAction,
} from '../actions.tsx'
import { descriptionField, nameField } from '../form/name-and-description.ts'
import { EditForm, NewForm } from '../record-forms.tsx'
import { useDomainChoice } from './choices.ts'
import { GroupCreate, GroupDelete, type GroupRowData, GroupUpdate } from './group-fields.ts'

const fieldsOf = (t: TFunction, group?: GroupRowData) =>
  [nameField(t, group), descriptionField(t, group)] as const

export function useGroupActions(onDeleted?: () => void): Actions<GroupRowData> {
  const { t } = useTranslation()
  const edit = useFormAction('identity.group.update', (group: GroupRowData, close) => (
    <EditForm
      row={group}
      fields={fieldsOf(t, group)}
      mutation={GroupUpdate}
      input={(values) => values}
      onClose={close}
    />
  ))
  const remove = useDeleteAction<GroupRowData>({
    rule: 'identity.group.delete',
    mutation: GroupDelete,
    text: t('groups.deleteText'),
    onDone: onDeleted,
  })
  return useActions([edit, remove], ({ name }) => name)
}

export function GroupCreateButton({ isPrimary }: { isPrimary?: boolean }) {
  const { t } = useTranslation()
  return (
    <CreateButton
      rule="identity.group.create"
      text={t('groups.create')}
      isPrimary={isPrimary}
      form={(close) => <GroupForm onClose={close} />}
    />
  )
}

function GroupForm({ onClose }: { onClose(): void }) {
  const { t } = useTranslation()
  const domains = useDomainChoice()
  return (
    <NewForm
      title={t('groups.create')}
      fields={[
        ...fieldsOf(t),
        { kind: 'select', name: 'domainId', label: t('domains.one'), ...domains },
      ]}
      mutation={GroupCreate}
      input={({ domainId, ...values }) => ({ ...values, domainId: domainId || undefined })}
      pageOf={({ groupCreate: { group } }) => group && paths.group(group.id)}
      onClose={onClose}
    />
  )
}
