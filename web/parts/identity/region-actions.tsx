import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import {
  type Actions,
  CreateButton,
  useActions,
  useDeleteAction,
  useFormAction,
} from '../actions.tsx'
import { FormModal } from '../form/FormModal.tsx'
import type { FieldOption } from '../form/fields.ts'
import { descriptionField } from '../form/name-and-description.ts'
import { EditForm } from '../record-forms.tsx'
import { useRegionChoice } from './catalog-choices.ts'
import { RegionCreate, RegionDelete, type RegionRowData, RegionUpdate } from './catalog-fields.ts'

const rule = 'identity.region.update'

/** The id of a region is its name. */
export type NamedRegion = RegionRowData & { name: string }

const fieldsOf = (t: TFunction, regions: FieldOption[], region?: RegionRowData) =>
  [
    descriptionField(t, region),
    {
      kind: 'select',
      name: 'parentRegionId',
      label: t('catalog.parentRegion'),
      options: regions.filter(({ value }) => value !== region?.id),
      first: region?.parentRegionId ?? '',
    },
  ] as const

export function useRegionActions(): Actions<NamedRegion> {
  const { t } = useTranslation()
  const regions = useRegionChoice()
  const edit = useFormAction(rule, (region: NamedRegion, close) => (
    <EditForm
      row={region}
      fields={fieldsOf(t, regions, region)}
      mutation={RegionUpdate}
      input={(values) => values}
      onClose={close}
    />
  ))
  const remove = useDeleteAction<NamedRegion>({ rule, mutation: RegionDelete })
  return useActions([edit, remove], ({ id }) => id)
}

export function RegionCreateButton() {
  const { t } = useTranslation()
  return (
    <CreateButton
      rule={rule}
      text={t('catalog.createRegion')}
      form={(close) => <RegionForm onClose={close} />}
    />
  )
}

function RegionForm({ onClose }: { onClose(): void }) {
  const { t } = useTranslation()
  const regions = useRegionChoice()
  return (
    <FormModal
      title={t('catalog.createRegion')}
      submitText={t('manage.create')}
      fields={[
        {
          kind: 'text',
          name: 'id',
          label: t('common.name'),
          description: t('catalog.regionText'),
          isRequired: true,
        },
        ...fieldsOf(t, regions),
      ]}
      mutation={RegionCreate}
      input={({ parentRegionId, ...values }) => ({
        ...values,
        parentRegionId: parentRegionId || undefined,
      })}
      onDone={(_, { id }) => ({ header: t('manage.done.created', { name: id }) })}
      onClose={onClose}
    />
  )
}
