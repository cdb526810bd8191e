import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import {
  type Actions,
  CreateButton,
  useActions,
  useDeleteAction,
  useFormAction,
  useSwitchAction,
} from '../actions.tsx'
import { FormModal } from '../form/FormModal.tsx'
import { descriptionField, nameField } from '../form/name-and-description.ts'
import { EditForm } from '../record-forms.tsx'
import {
  ServiceCreate,
  ServiceDelete,
  type ServiceRowData,
  ServiceUpdate,
} from './catalog-fields.ts'

const rule = 'identity.service.update'

const fieldsOf = (t: TFunction, service?: ServiceRowData) =>
  [
    {
      kind: 'text',
      name: 'type',
      label: t('manage.type'),
      description: t('catalog.typeText'),
      isRequired: true,
      first: service?.type,
    },
    nameField(t, service),
    descriptionField(t, service),
  ] as const

export function useServiceActions(onDeleted?: () => void): Actions<ServiceRowData> {
  const { t } = useTranslation()
  const edit = useFormAction(rule, (service: ServiceRowData, close) => (
    <EditForm
      row={service}
      fields={fieldsOf(t, service)}
      mutation={ServiceUpdate}
      input={(values) => values}
      onClose={close}
    />
  ))
  const toggle = useSwitchAction<ServiceRowData>(rule, ServiceUpdate, t('catalog.disableText'))
  const remove = useDeleteAction<ServiceRowData>({
    rule,
    mutation: ServiceDelete,
    text: t('catalog.deleteText'),
    onDone: onDeleted,
  })
  return useActions([edit, toggle, remove], ({ name }) => name)
}

export function ServiceCreateButton() {
  const { t } = useTranslation()
  return (
    <CreateButton
      rule={rule}
      text={t('catalog.createService')}
      form={(close) => (
        <FormModal
          title={t('catalog.createService')}
          submitText={t('manage.create')}
          fields={fieldsOf(t)}
          mutation={ServiceCreate}
          input={(values) => values}
          onDone={(_, { name }) => ({ header: t('manage.done.created', { name }) })}
          onClose={close}
        />
      )}
    />
  )
}
