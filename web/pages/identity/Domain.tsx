import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { graphql } from '../../graphql.ts'
import { useHistoryTab } from '../../parts/AuditHistory.tsx'
import { DetailLayout, DetailPage } from '../../parts/DetailPage.tsx'
import { factsOf } from '../../parts/facts.tsx'
import { useAccessTab } from '../../parts/identity/Assignments.tsx'
import { useDomainActions } from '../../parts/identity/domain-actions.tsx'
import { DomainRow, type DomainRowData, DomainWatch } from '../../parts/identity/domain-fields.ts'
import { tabsOf } from '../../parts/tabs.ts'
import { paths } from '../../paths.ts'

const DomainQuery = graphql(`query Domain($id: ID!) { domain(id: $id) { ...DomainRow } }`, [
  DomainRow,
])

export function Domain() {
  const { t } = useTranslation()
  return (
    <DetailPage
      query={DomainQuery}
      resource={({ domain }) => domain}
      watch={DomainWatch}
      list={{ text: t('nav.domains'), href: paths.domains() }}
      oneText={t('domains.one')}
      Content={DomainContent}
    />
  )
}

function DomainContent({ resource: domain }: { resource: DomainRowData }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const actions = useDomainActions(() => void navigate(paths.domains()))
  const tabs = [...useAccessTab({ domainId: domain.id }), ...useHistoryTab(domain.id)]
  return (
    <>
      <DetailLayout
        title={domain.name}
        list={{ text: t('nav.domains'), href: paths.domains() }}
        actions={actions.buttons(domain)}
        facts={factsOf(t, domain)}
        tabs={tabsOf(tabs)}
      />
      {actions.dialogs}
    </>
  )
}
