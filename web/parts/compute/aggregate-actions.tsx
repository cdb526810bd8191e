import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { paths } from '../../paths.ts'
import {
  type Actions,
  CreateButton,
  useActions,
  useDeleteAction,
  useFormAction,
} from '../actions.tsx'
import { mapOf } from '../form/fields.ts'
import { nameField } from '../form/name-and-description.ts'
import { EditForm, NewForm } from '../record-forms.tsx'
import {
  AggregateCreate,
  type AggregateData,
  AggregateDelete,
  AggregateUpdate,
} from './aggregate-fields.ts'

const fieldsOf = (t: TFunction, aggregate?: AggregateData) =>
  [
    nameField(t, aggregate),
    {
      kind: 'text',
      name: 'availabilityZone',
      label: t('servers.zone'),
      description: t('aggregates.zoneText'),
      first: aggregate?.availabilityZone ?? '',
    },
    {
      kind: 'pairs',
      name: 'metadata',
      label: t('launch.metadata'),
      description: t('aggregates.metadataText'),
      first: aggregate?.metadata,
    },
  ] as const

export function useAggregateActions(onDeleted?: () => void): Actions<AggregateData> {
  const { t } = useTranslation()
  const edit = useFormAction('compute.aggregate.update', (aggregate: AggregateData, close) => (
    <EditForm
      row={aggregate}
      isLarge
      fields={fieldsOf(t, aggregate)}
      mutation={AggregateUpdate}
      input={({ metadata, ...values }) => ({
        ...values,
        metadata: mapOf(metadata),
      })}
      onClose={close}
    />
  ))
  const remove = useDeleteAction<AggregateData>({
    rule: 'compute.aggregate.delete',
    mutation: AggregateDelete,
    text: t('aggregates.deleteText'),
    onDone: onDeleted,
  })
  return useActions([edit, remove], ({ name }) => name)
}

export function AggregateCreateButton({ isPrimary }: { isPrimary?: boolean }) {
  const { t } = useTranslation()
  return (
    <CreateButton
      rule="compute.aggregate.create"
      text={t('aggregates.create')}
      isPrimary={isPrimary}
      form={(close) => (
        <NewForm
          title={t('aggregates.create')}
          isLarge
          fields={fieldsOf(t)}
          mutation={AggregateCreate}
          input={({ name, availabilityZone, metadata }) => ({
            name,
            availabilityZone: availabilityZone || null,
            metadata: mapOf(metadata),
          })}
          pageOf={({ aggregateCreate: { aggregate } }) =>
            aggregate && paths.aggregate(aggregate.id)
          }
          onClose={close}
        />
      )}
    />
  )
}
