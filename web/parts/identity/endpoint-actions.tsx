import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { word } from '../../i18n/words.ts'
import {
  type Actions,
  CreateButton,
  useActions,
  useDeleteAction,
  useFormAction,
  useSwitchAction,
} from '../actions.tsx'
import { FormModal } from '../form/FormModal.tsx'
import type { FieldOption } from '../form/fields.ts'
import { EditForm } from '../record-forms.tsx'
import { useRegionChoice, useServiceChoice } from './catalog-choices.ts'
import {
  EndpointCreate,
  EndpointDelete,
  type EndpointRowData,
  EndpointUpdate,
} from './catalog-fields.ts'

const rule = 'identity.endpoint.update'

/** An endpoint is called by its address. */
export type NamedEndpoint = EndpointRowData & { name: string }

type Interface = EndpointRowData['interface']

const interfaces: Interface[] = ['PUBLIC', 'INTERNAL', 'ADMIN']

const fieldsOf = (t: TFunction, regions: FieldOption[], endpoint?: EndpointRowData) =>
  [
    {
      kind: 'text',
      name: 'url',
      label: t('catalog.url'),
      description: t('catalog.urlText'),
      isRequired: true,
      first: endpoint?.url,
    },
    {
      kind: 'select',
      name: 'interface',
      label: t('catalog.interface'),
      isOpen: true,
      options: interfaces.map((value) => ({ value, label: word('endpointInterface', value) })),
      first: endpoint?.interface ?? 'PUBLIC',
    },
    {
      kind: 'select',
      name: 'regionId',
      label: t('catalog.region'),
      options: regions,
      first: endpoint?.regionId ?? '',
    },
  ] as const

export function useEndpointActions(): Actions<NamedEndpoint> {
  const { t } = useTranslation()
  const regions = useRegionChoice()
  const edit = useFormAction(rule, (endpoint: NamedEndpoint, close) => (
    <EditForm
      row={endpoint}
      fields={fieldsOf(t, regions, endpoint)}
      mutation={EndpointUpdate}
      input={(values) => ({ ...values, interface: values.interface as Interface })}
      onClose={close}
    />
  ))
  const toggle = useSwitchAction<NamedEndpoint>(rule, EndpointUpdate, t('catalog.disableText'))
  const remove = useDeleteAction<NamedEndpoint>({ rule, mutation: EndpointDelete })
  return useActions([edit, toggle, remove], ({ name }) => name)
}

export function EndpointCreateButton({ serviceId }: { serviceId?: string }) {
  const { t } = useTranslation()
  return (
    <CreateButton
      rule={rule}
      text={t('catalog.createEndpoint')}
      form={(close) => <EndpointForm serviceId={serviceId} onClose={close} />}
    />
  )
}

function EndpointForm({ serviceId, onClose }: { serviceId?: string; onClose(): void }) {
  const { t } = useTranslation()
  const services = useServiceChoice()
  const regions = useRegionChoice()
  return (
    <FormModal
      title={t('catalog.createEndpoint')}
      submitText={t('manage.create')}
      fields={[
        {
          kind: 'select',
          name: 'serviceId',
          label: t('catalog.service'),
          isRequired: true,
          options: services,
          first: serviceId,
        },
        ...fieldsOf(t, regions),
      ]}
      mutation={EndpointCreate}
      input={(values) => ({
        serviceId: values.serviceId,
        url: values.url,
        interface: values.interface as Interface,
        regionId: values.regionId || undefined,
      })}
      onDone={(_, { url }) => ({ header: t('manage.done.created', { name: url }) })}
      onClose={onClose}
    />
  )
}
