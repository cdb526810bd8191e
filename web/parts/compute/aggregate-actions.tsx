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
import { FormModal } from '../form/FormModal.tsx'
import { mapOf } from '../form/fields.ts'
import {
  AggregateCreate,
  type AggregateData,
  AggregateDelete,
  AggregateUpdate,
} from './aggregate-fields.ts'

const fieldsOf = (t: TFunction, aggregate?: AggregateData) =>
  [
    {
      kind: 'text',
      name: 'name',
      label: t('common.name'),
      isRequired: true,
      first: aggregate?.name,
    },
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
    <FormModal
      title={t('manage.editTitle', { name: aggregate.name })}
      submitText={t('manage.save')}
      isLarge
      fields={fieldsOf(t, aggregate)}
      mutation={AggregateUpdate}
      input={({ metadata, ...values }) => ({
        ...values,
        id: aggregate.id,
        ifVersion: aggregate.version,
        metadata: mapOf(metadata),
      })}
      onDone={(_, { name }) => ({ header: t('manage.done.changed', { name }) })}
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
        <FormModal
          title={t('aggregates.create')}
          submitText={t('manage.create')}
          isLarge
          fields={fieldsOf(t)}
          mutation={AggregateCreate}
          input={({ name, availabilityZone, metadata }) => ({
            name,
            availabilityZone: availabilityZone || null,
            metadata: mapOf(metadata),
          })}
          onDone={({ aggregateCreate: { aggregate } }, { name }) => ({
            header: t('manage.done.created', { name }),
            to: aggregate ? paths.aggregate(aggregate.id) : undefined,
          })}
          onClose={close}
        />
      )}
    />
  )
}
