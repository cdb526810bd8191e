import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { paths } from '../../paths.ts'
import {
  type Actions,
  CreateButton,
  useActions,
  useDeleteAction,
  useFormAction,
  useSwitchAction,
} from '../actions.tsx'
import { EditForm, NewForm } from '../record-forms.tsx'
import { useDomainChoice } from './choices.ts'
import {
  ProviderCreate,
  ProviderDelete,
  type ProviderRowData,
  ProviderUpdate,
} from './provider-fields.ts'

const rule = 'identity.identity-provider.update'

const fieldsOf = (t: TFunction, provider?: ProviderRowData) =>
  [
    {
      kind: 'text',
      name: 'description',
      label: t('common.description'),
      description: t('providers.descriptionText'),
      first: provider?.description,
    },
    {
      kind: 'text',
      name: 'clientId',
      label: t('providers.clientId'),
      isRequired: true,
      first: provider?.clientId,
    },
    {
      kind: 'password',
      name: 'clientSecret',
      label: t('providers.clientSecret'),
      description: provider ? t('providers.secretKeptText') : t('providers.secretText'),
      autoComplete: 'off',
    },
    {
      kind: 'tags',
      name: 'scopes',
      label: t('providers.scopes'),
      first: provider?.scopes ?? ['email', 'profile'],
    },
  ] as const

export function useProviderActions(onDeleted?: () => void): Actions<ProviderRowData> {
  const { t } = useTranslation()
  const edit = useFormAction(rule, (provider: ProviderRowData, close) => (
    <EditForm
      row={provider}
      fields={fieldsOf(t, provider)}
      mutation={ProviderUpdate}
      input={({ clientSecret, scopes, ...values }) => ({
        ...values,
        scopes: [...scopes],
        clientSecret: clientSecret || undefined,
      })}
      onClose={close}
    />
  ))
  const toggle = useSwitchAction<ProviderRowData>(rule, ProviderUpdate, t('providers.disableText'))
  const remove = useDeleteAction<ProviderRowData>({
    rule,
    mutation: ProviderDelete,
    text: t('providers.deleteText'),
    onDone: onDeleted,
  })
  return useActions([edit, toggle, remove], ({ name }) => name)
}

export function ProviderCreateButton({ isPrimary }: { isPrimary?: boolean }) {
  const { t } = useTranslation()
  return (
    <CreateButton
      rule={rule}
      text={t('providers.create')}
      isPrimary={isPrimary}
      form={(close) => <ProviderForm onClose={close} />}
    />
  )
}

function ProviderForm({ onClose }: { onClose(): void }) {
  const { t } = useTranslation()
  const domains = useDomainChoice()
  return (
    <NewForm
      title={t('providers.create')}
      fields={[
        {
          kind: 'text',
          name: 'name',
          label: t('common.name'),
          description: t('providers.nameText'),
          isRequired: true,
        },
        {
          kind: 'text',
          name: 'issuer',
          label: t('providers.issuer'),
          description: t('providers.issuerText'),
          isRequired: true,
        },
        {
          kind: 'select',
          name: 'domainId',
          label: t('domains.one'),
          description: t('providers.domainText'),
          isRequired: true,
          ...domains,
        },
        ...fieldsOf(t),
      ]}
      mutation={ProviderCreate}
      input={({ clientSecret, scopes, ...values }) => ({
        ...values,
        scopes: [...scopes],
        clientSecret: clientSecret || undefined,
        mapping: [],
      })}
      pageOf={({ identityProviderCreate: { identityProvider } }) =>
        identityProvider && paths.identityProvider(identityProvider.id)
      }
      onClose={onClose}
    />
  )
}
