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
import { FormModal } from '../form/FormModal.tsx'
import { useDomainChoice } from './choices.ts'
import { RoleCreate, RoleDelete, type RoleRowData, RoleUpdate } from './role-fields.ts'

const fieldsOf = (t: TFunction, role?: RoleRowData) =>
  [
    { kind: 'text', name: 'name', label: t('common.name'), isRequired: true, first: role?.name },
    {
      kind: 'text',
      name: 'description',
      label: t('common.description'),
      first: role?.description,
    },
  ] as const

export function useRoleActions(onDeleted?: () => void): Actions<RoleRowData> {
  const { t } = useTranslation()
  const edit = useFormAction('identity.role.update', (role: RoleRowData, close) => (
    <FormModal
      title={t('manage.editTitle', { name: role.name })}
      submitText={t('manage.save')}
      fields={fieldsOf(t, role)}
      mutation={RoleUpdate}
      // A built-in role keeps its name: what stays the same is not sent.
      input={({ name, description }) => ({
        id: role.id,
        ifVersion: role.version,
        name: name === role.name ? undefined : name,
        description,
      })}
      onDone={(_, { name }) => ({ header: t('manage.done.changed', { name }) })}
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
    <FormModal
      title={t('roles.create')}
      submitText={t('manage.create')}
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
      onDone={({ roleCreate: { role } }, { name }) => ({
        header: t('manage.done.created', { name }),
        to: role ? paths.role(role.id) : undefined,
      })}
      onClose={onClose}
    />
  )
}
