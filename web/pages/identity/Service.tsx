import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { graphql } from '../../graphql.ts'
import { useHistoryTab } from '../../parts/AuditHistory.tsx'
import { DetailLayout, DetailPage } from '../../parts/DetailPage.tsx'
import { factsOf } from '../../parts/facts.tsx'
import { ServiceRow, type ServiceRowData } from '../../parts/identity/catalog-fields.ts'
import { Endpoints } from '../../parts/identity/Endpoints.tsx'
import { useServiceActions } from '../../parts/identity/service-actions.tsx'
import { paths } from '../../paths.ts'

const ServiceQuery = graphql(`query Service($id: ID!) { service(id: $id) { ...ServiceRow } }`, [
  ServiceRow,
])

export function Service() {
  const { t } = useTranslation()
  return (
    <DetailPage
      query={ServiceQuery}
      resource={({ service }) => service}
      list={{ text: t('nav.services'), href: paths.services() }}
      oneText={t('catalog.service')}
      Content={ServiceContent}
    />
  )
}

function ServiceContent({ resource: service }: { resource: ServiceRowData }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const actions = useServiceActions(() => void navigate(paths.services()))
  const endpoints = {
    id: 'endpoints',
    label: t('catalog.endpoints'),
    content: <Endpoints serviceId={service.id} />,
  }
  return (
    <>
      <DetailLayout
        title={service.name}
        list={{ text: t('nav.services'), href: paths.services() }}
        actions={actions.buttons(service)}
        facts={factsOf(t, service, [{ label: t('manage.type'), value: service.type }])}
        tabs={[endpoints, ...useHistoryTab(service.id)]}
      />
      {actions.dialogs}
    </>
  )
}
