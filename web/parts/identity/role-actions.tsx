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
import { RoleCreate, RoleDelete, type RoleRowData, RoleUpdate } from './role-fields.ts'

const fieldsOf = (t: TFunction, role?: RoleRowData) =>
  [nameField(t, role), descriptionField(t, role)] as const

export function useRoleActions(onDeleted?: () => void): Actions<RoleRowData> {
  const { t } = useTranslation()
  const edit = useFormAction('identity.role.update', (role: RoleRowData, close) => (
    <EditForm
      row={role}
      fields={fieldsOf(t, role)}
      mutation={RoleUpdate}
      // A built-in role keeps its name: what stays the same is not sent.
      input={({ name, description }) => ({
        name: name === role.name ? undefined : name,
        description,
      })}
      onClose={close}
    />
  ))
  const remove = useDeleteAction<RoleRowData>({
    rule: 'identity.role.delete',
    mutation: RoleDelete,
    onDone: onDeleted,
  })
  return useActions([edit, remove], ({ name }) => name)
}

export function RoleCreateButton({ isPrimary }: { isPrimary?: boolean }) {
  const { t } = useTranslation()
  return (
    <CreateButton
      rule="identity.role.create"
      text={t('roles.create')}
      isPrimary={isPrimary}
      form={(close) => <RoleForm onClose={close} />}
    />
  )
}

function RoleForm({ onClose }: { onClose(): void }) {
  const { t } = useTranslation()
  const domains = useDomainChoice()
  return (
    <NewForm
      title={t('roles.create')}
      fields={[
        ...fieldsOf(t),
        {
          kind: 'select',
          name: 'domainId',
          label: t('domains.one'),
          description: t('roles.domainText'),
          ...domains,
        },
      ]}
      mutation={RoleCreate}
      input={({ domainId, ...values }) => ({ ...values, domainId: domainId || undefined })}
      pageOf={({ roleCreate: { role } }) => role && paths.role(role.id)}
      onClose={onClose}
    />
  )
}
