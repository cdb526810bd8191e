import { useTranslation } from 'react-i18next'
import { word } from '../../i18n/words.ts'
import { paths } from '../../paths.ts'
import { enabledColumn, linkColumn, textColumn } from '../columns.tsx'
import { SubList } from '../SubList.tsx'
import { EndpointsQuery } from './catalog-fields.ts'
import {
  EndpointCreateButton,
  type NamedEndpoint,
  useEndpointActions,
} from './endpoint-actions.tsx'

/** The endpoints of the catalog, or of one service. */
export function Endpoints({ serviceId }: { serviceId?: string }) {
  const { t } = useTranslation()
  const actions = useEndpointActions()
  return (
    <>
      <SubList
        title={t('catalog.endpoints')}
        description={t('catalog.endpointsText')}
        query={EndpointsQuery}
        variables={{ filter: { serviceId } }}
        rows={({ endpoints }) => ({
          ...endpoints,
          nodes: endpoints.nodes.map((row): NamedEndpoint => ({ ...row, name: row.url })),
        })}
        columns={[
          {
            id: 'url',
            header: t('catalog.url'),
            isRowHeader: true,
            cell: ({ url }) => <code className="secret">{url}</code>,
          },
          ...(serviceId
            ? []
            : [
                linkColumn<NamedEndpoint>('service', t('catalog.service'), ({ service }) => ({
                  text: service.name,
                  href: paths.service(service.id),
                })),
              ]),
          textColumn<NamedEndpoint>('interface', t('catalog.interface'), (row) =>
            word('endpointInterface', row.interface),
          ),
          textColumn<NamedEndpoint>('region', t('catalog.region'), ({ regionId }) => regionId),
          enabledColumn<NamedEndpoint>(t),
          textColumn<NamedEndpoint>('managed', t('catalog.managed'), ({ managed }) =>
            managed ? t('manage.yes') : t('manage.no'),
          ),
          ...actions.columns,
        ]}
        actions={<EndpointCreateButton serviceId={serviceId} />}
        noneText={t('catalog.noEndpoints')}
      />
      {actions.dialogs}
    </>
  )
}
