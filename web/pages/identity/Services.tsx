/** The catalog: services, where they are reached, and the regions that they are in. */
import { useTranslation } from 'react-i18next'
import {
  createdColumn,
  descriptionColumn,
  enabledColumn,
  nameColumn,
  textColumn,
} from '../../parts/columns.tsx'
import { AddressTabs } from '../../parts/DetailPage.tsx'
import {
  RegionsQuery,
  type ServiceRowData,
  ServicesQuery,
} from '../../parts/identity/catalog-fields.ts'
import { Endpoints } from '../../parts/identity/Endpoints.tsx'
import {
  type NamedRegion,
  RegionCreateButton,
  useRegionActions,
} from '../../parts/identity/region-actions.tsx'
import { ServiceCreateButton, useServiceActions } from '../../parts/identity/service-actions.tsx'
import { SubList } from '../../parts/SubList.tsx'
import { may, useViewer } from '../../parts/viewer.ts'
import { paths } from '../../paths.ts'
import { Page } from '../../ui/Page.tsx'

export function Services() {
  const { t } = useTranslation()
  const viewer = useViewer()
  const services = { id: 'services', label: t('nav.services'), content: <ServiceList /> }
  const others = [
    {
      rule: 'identity.endpoint.list',
      id: 'endpoints',
      label: t('catalog.endpoints'),
      content: <Endpoints />,
    },
    {
      rule: 'identity.region.list',
      id: 'regions',
      label: t('catalog.regions'),
      content: <RegionList />,
    },
  ].filter(({ rule }) => may(viewer, rule))
  return (
    <Page title={t('nav.services')} description={t('catalog.description')}>
      <AddressTabs tabs={[services, ...others]} />
    </Page>
  )
}

function ServiceList() {
  const { t } = useTranslation()
  const actions = useServiceActions()
  return (
    <>
      <SubList
        title={t('nav.services')}
        query={ServicesQuery}
        variables={{}}
        rows={({ services }) => services}
        columns={[
          nameColumn<ServiceRowData>(t, paths.service),
          textColumn<ServiceRowData>('type', t('manage.type'), ({ type }) => type),
          enabledColumn<ServiceRowData>(t),
          descriptionColumn<ServiceRowData>(t),
          ...actions.columns,
        ]}
        actions={<ServiceCreateButton />}
        noneText={t('catalog.noServices')}
      />
      {actions.dialogs}
    </>
  )
}

function RegionList() {
  const { t } = useTranslation()
  const actions = useRegionActions()
  return (
    <>
      <SubList
        title={t('catalog.regions')}
        query={RegionsQuery}
        variables={{}}
        rows={({ regions }) => ({
          ...regions,
          nodes: regions.nodes.map((row): NamedRegion => ({ ...row, name: row.id })),
        })}
        columns={[
          { id: 'name', header: t('common.name'), isRowHeader: true, cell: ({ id }) => id },
          textColumn<NamedRegion>(
            'parent',
            t('catalog.parentRegion'),
            ({ parentRegionId }) => parentRegionId,
          ),
          descriptionColumn<NamedRegion>(t),
          createdColumn<NamedRegion>(t),
          ...actions.columns,
        ]}
        actions={<RegionCreateButton />}
        noneText={t('catalog.noRegions')}
      />
      {actions.dialogs}
    </>
  )
}
