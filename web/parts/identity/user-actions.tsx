import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { paths } from '../../paths.ts'
import {
  type Action,
  type Actions,
  CreateButton,
  useActions,
  useDeleteAction,
  useFormAction,
  useSwitchAction,
} from '../actions.tsx'
import { FormModal } from '../form/FormModal.tsx'
import { descriptionField, nameField } from '../form/name-and-description.ts'
import { EditForm, NewForm } from '../record-forms.tsx'
import { useRowAction } from '../use-row-action.tsx'
import { useDomainChoice } from './choices.ts'
import {
  TokensRevoke,
  TotpDelete,
  UserCreate,
  UserDelete,
  type UserRowData,
  UserUpdate,
} from './user-fields.ts'

const fieldsOf = (t: TFunction, user?: UserRowData) =>
  [
    nameField(t, user),
    { kind: 'text', name: 'email', label: t('users.email'), first: user?.email ?? '' },
    descriptionField(t, user),
  ] as const

const mustChange = (t: TFunction) =>
  ({
    kind: 'toggle',
    name: 'mustChangePassword',
    label: t('users.mustChange'),
    description: t('users.mustChangeText'),
    first: true,
  }) as const

export function useUserActions(onDeleted?: () => void): Actions<UserRowData> {
  const { t } = useTranslation()
  const edit = useFormAction('identity.user.update', (user: UserRowData, close) => (
    <EditForm
      row={user}
      fields={fieldsOf(t, user)}
      mutation={UserUpdate}
      input={(values) => values}
      onClose={close}
    />
  ))
  const toggle = useSwitchAction<UserRowData>(
    'identity.user.update',
    UserUpdate,
    t('users.disableText'),
  )
  const remove = useDeleteAction<UserRowData>({
    rule: 'identity.user.delete',
    mutation: UserDelete,
    text: t('users.deleteText'),
    onDone: onDeleted,
  })
  const all = [edit, usePasswordReset(), toggle, useUnlock(), useTotpRemoval(), useEndTokens()]
  return useActions([...all, remove], ({ name }) => name)
}

function usePasswordReset(): Action<UserRowData> {
  const { t } = useTranslation()
  return useFormAction(
    'identity.user.update',
    (user: UserRowData, close) => (
      <FormModal
        title={t('users.resetTitle', { name: user.name })}
        submitText={t('users.reset')}
        fields={[
          {
            kind: 'password',
            name: 'password',
            label: t('login.newPassword'),
            description: t('users.resetText'),
            isRequired: true,
          },
          mustChange(t),
        ]}
        mutation={UserUpdate}
        input={(values) => ({ id: user.id, ...values })}
        onDone={() => ({ header: t('manage.done.changed', { name: user.name }) })}
        onClose={close}
      />
    ),
    { id: 'password', text: () => t('users.reset') },
  )
}

function useUnlock(): Action<UserRowData> {
  const { t } = useTranslation()
  const { request, dialog } = useRowAction({
    mutation: UserUpdate,
    variables: ({ id }: UserRowData) => ({ input: { id, unlock: true } }),
    doneText: ({ name }) => t('users.unlocked', { name }),
    refusedText: ({ name }) => t('manage.refused', { name }),
  })
  return {
    id: 'unlock',
    text: () => t('users.unlock'),
    rule: 'identity.user.update',
    fits: ({ lockedUntil }) => lockedUntil !== null,
    run: request,
    dialog,
  }
}

function useTotpRemoval(): Action<UserRowData> {
  const { t } = useTranslation()
  const { request, dialog } = useRowAction({
    mutation: TotpDelete,
    variables: ({ id }: UserRowData) => ({ input: { userId: id } }),
    question: ({ name }) => ({
      title: t('users.totpRemoveTitle', { name }),
      text: t('users.totpRemoveText'),
      confirmText: t('manage.remove'),
    }),
    doneText: ({ name }) => t('manage.done.changed', { name }),
    refusedText: ({ name }) => t('manage.refused', { name }),
  })
  return {
    id: 'totp',
    text: () => t('users.totpRemove'),
    rule: 'identity.user.update',
    fits: ({ hasTotp }) => hasTotp === true,
    run: request,
    dialog,
  }
}

function useEndTokens(): Action<UserRowData> {
  const { t } = useTranslation()
  const { request, dialog } = useRowAction({
    mutation: TokensRevoke,
    variables: ({ id }: UserRowData) => ({ input: { userId: id } }),
    question: ({ name }) => ({
      title: t('users.endTitle', { name }),
      text: t('users.endText'),
      confirmText: t('users.end'),
    }),
    doneText: ({ name }) => t('users.ended', { name }),
    refusedText: ({ name }) => t('manage.refused', { name }),
  })
  return {
    id: 'end',
    text: () => t('users.end'),
    rule: 'identity.user.update',
    run: request,
    dialog,
  }
}

export function UserCreateButton({ isPrimary }: { isPrimary?: boolean }) {
  const { t } = useTranslation()
  return (
    <CreateButton
      rule="identity.user.create"
      text={t('users.create')}
      isPrimary={isPrimary}
      form={(close) => <UserForm onClose={close} />}
    />
  )
}

function UserForm({ onClose }: { onClose(): void }) {
  const { t } = useTranslation()
  const domains = useDomainChoice()
  return (
    <NewForm
      title={t('users.create')}
      fields={[
        ...fieldsOf(t),
        { kind: 'select', name: 'domainId', label: t('domains.one'), ...domains },
        {
          kind: 'password',
          name: 'password',
          label: t('login.password'),
          description: t('users.passwordText'),
        },
        mustChange(t),
      ]}
      mutation={UserCreate}
      input={({ domainId, password, mustChangePassword, ...values }) => ({
        ...values,
        domainId: domainId || undefined,
        password: password || undefined,
        mustChangePassword: password ? mustChangePassword : undefined,
      })}
      pageOf={({ userCreate: { user } }) => user && paths.user(user.id)}
      onClose={onClose}
    />
  )
}
