import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { useHistoryTab } from '../../parts/AuditHistory.tsx'
import { DetailLayout, DetailPage } from '../../parts/DetailPage.tsx'
import { factsOf } from '../../parts/facts.tsx'
import { MappingTable } from '../../parts/identity/MappingTable.tsx'
import { useProviderActions } from '../../parts/identity/provider-actions.tsx'
import { ProviderQuery, type ProviderRowData } from '../../parts/identity/provider-fields.ts'
import { paths } from '../../paths.ts'
import { CopyId } from '../../ui/CopyId.tsx'

export function IdentityProvider() {
  const { t } = useTranslation()
  return (
    <DetailPage
      query={ProviderQuery}
      resource={({ identityProvider }) => identityProvider}
      list={{ text: t('nav.identityProviders'), href: paths.identityProviders() }}
      oneText={t('providers.one')}
      Content={ProviderContent}
    />
  )
}

function ProviderContent({ resource: provider }: { resource: ProviderRowData }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const actions = useProviderActions(() => void navigate(paths.identityProviders()))
  const mapping = {
    id: 'mapping',
    label: t('providers.mapping'),
    content: <MappingTable provider={provider} />,
  }
  return (
    <>
      <DetailLayout
        title={provider.name}
        list={{ text: t('nav.identityProviders'), href: paths.identityProviders() }}
        actions={actions.buttons(provider)}
        facts={factsOf(t, provider, [
          { label: t('providers.issuer'), value: provider.issuer },
          { label: t('providers.clientId'), value: provider.clientId },
          { label: t('providers.scopes'), value: provider.scopes.join(', ') || '–' },
          { label: t('domains.one'), value: provider.domain?.name ?? '–' },
          {
            label: t('providers.callback'),
            value: <CopyId id={location.origin + provider.callbackPath} />,
          },
        ])}
        tabs={[mapping, ...useHistoryTab(provider.id)]}
      />
      {actions.dialogs}
    </>
  )
}
