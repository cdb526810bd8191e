import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { word } from '../../i18n/words.ts'
import {
  type Actions,
  CreateButton,
  useActions,
  useDeleteAction,
  useFormAction,
} from '../actions.tsx'
import { FormModal } from '../form/FormModal.tsx'
import { descriptionField } from '../form/name-and-description.ts'
import { EditForm } from '../record-forms.tsx'
import { useRegionChoice, useServiceChoice } from './catalog-choices.ts'
import {
  LimitCreate,
  LimitDelete,
  LimitUpdate,
  type RegisteredLimitRowData,
} from './limit-fields.ts'

type Limit = RegisteredLimitRowData & { name: string }

const fieldsOf = (t: TFunction, limit?: RegisteredLimitRowData) =>
  [
    {
      kind: 'number',
      name: 'defaultLimit',
      label: t('quotas.defaultLimit'),
      description: t('quotas.defaultText'),
      isRequired: true,
      first: limit?.defaultLimit,
    },
    descriptionField(t, limit),
  ] as const

export function useLimitActions(): Actions<RegisteredLimitRowData> {
  const { t } = useTranslation()
  const rule = 'identity.registered-limit.update'
  const edit = useFormAction(rule, (limit: Limit, close) => (
    <EditForm
      row={limit}
      fields={fieldsOf(t, limit)}
      mutation={LimitUpdate}
      input={(values) => values}
      onClose={close}
    />
  ))
  const remove = useDeleteAction<Limit>({
    rule,
    mutation: LimitDelete,
    text: t('quotas.deleteText'),
  })
  const named = (limit: RegisteredLimitRowData): Limit => ({
    ...limit,
    name: word('resource', limit.resource),
  })
  const all = [edit, remove].map((action) => ({
    ...action,
    text: (limit: RegisteredLimitRowData) => action.text(named(limit)),
    run: (limit: RegisteredLimitRowData) => action.run(named(limit)),
    fits: undefined,
  }))
  return useActions(all, (limit) => named(limit).name)
}

export function LimitCreateButton({ isPrimary }: { isPrimary?: boolean }) {
  const { t } = useTranslation()
  return (
    <CreateButton
      rule="identity.registered-limit.update"
      text={t('quotas.create')}
      isPrimary={isPrimary}
      form={(close) => <LimitForm onClose={close} />}
    />
  )
}

function LimitForm({ onClose }: { onClose(): void }) {
  const { t } = useTranslation()
  const services = useServiceChoice()
  const regions = useRegionChoice()
  return (
    <FormModal
      title={t('quotas.create')}
      submitText={t('manage.create')}
      fields={[
        {
          kind: 'select',
          name: 'serviceId',
          label: t('catalog.service'),
          isRequired: true,
          options: services,
        },
        {
          kind: 'text',
          name: 'resource',
          label: t('quotas.resource'),
          placeholder: 'compute.instances',
          isRequired: true,
        },
        {
          kind: 'select',
          name: 'regionId',
          label: t('catalog.region'),
          description: t('quotas.regionText'),
          options: regions,
        },
        ...fieldsOf(t),
      ]}
      mutation={LimitCreate}
      input={({ regionId, defaultLimit, ...values }) => ({
        ...values,
        regionId: regionId || undefined,
        defaultLimit: defaultLimit ?? 0,
      })}
      onDone={(_, { resource }) => ({
        header: t('manage.done.created', { name: word('resource', resource) }),
      })}
      onClose={onClose}
    />
  )
}
