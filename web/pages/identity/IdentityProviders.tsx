import { useTranslation } from 'react-i18next'
import { descriptionColumn, enabledColumn, nameColumn, textColumn } from '../../parts/columns.tsx'
import { ProviderCreateButton, useProviderActions } from '../../parts/identity/provider-actions.tsx'
import { type ProviderRowData, ProvidersQuery } from '../../parts/identity/provider-fields.ts'
import { ListPage } from '../../parts/ListPage.tsx'
import { paths } from '../../paths.ts'

export function IdentityProviders() {
  const { t } = useTranslation()
  const actions = useProviderActions()
  return (
    <>
      <ListPage
        title={t('nav.identityProviders')}
        description={t('providers.text')}
        query={ProvidersQuery}
        rows={({ identityProviders }) => identityProviders}
        columns={[
          nameColumn<ProviderRowData>(t, paths.identityProvider),
          enabledColumn<ProviderRowData>(t),
          textColumn<ProviderRowData>('issuer', t('providers.issuer'), ({ issuer }) => issuer),
          textColumn<ProviderRowData>('domain', t('domains.one'), ({ domain }) => domain?.name),
          descriptionColumn<ProviderRowData>(t),
          ...actions.columns,
        ]}
        actions={<ProviderCreateButton isPrimary />}
        none={{
          title: t('providers.none'),
          text: t('providers.noneText'),
          action: <ProviderCreateButton />,
        }}
      />
      {actions.dialogs}
    </>
  )
}
