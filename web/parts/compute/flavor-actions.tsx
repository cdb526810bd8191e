import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { paths } from '../../paths.ts'
import {
  type Actions,
  CreateButton,
  useActions,
  useDeleteAction,
  useFormAction,
  useSwitchAction,
} from '../actions.tsx'
import { mapOf } from '../form/fields.ts'
import { descriptionField, nameField } from '../form/name-and-description.ts'
import { EditForm, NewForm } from '../record-forms.tsx'
import { FlavorCreate, type FlavorData, FlavorDelete, FlavorUpdate } from './flavor-fields.ts'

const sizeFields = (t: TFunction) =>
  [
    nameField(t),
    { kind: 'number', name: 'vcpus', label: t('flavors.vcpus'), isRequired: true, first: 1 },
    {
      kind: 'number',
      name: 'memoryMiB',
      label: t('flavors.memoryMiB'),
      isRequired: true,
      first: 1024,
    },
    {
      kind: 'number',
      name: 'diskGiB',
      label: t('flavors.diskGiB'),
      description: t('flavors.diskText'),
      isRequired: true,
      first: 0,
    },
  ] as const

const otherFields = (t: TFunction, flavor?: FlavorData) =>
  [
    descriptionField(t, flavor),
    {
      kind: 'toggle',
      name: 'public',
      label: t('flavors.public'),
      description: t('flavors.publicText'),
      first: flavor?.public ?? true,
    },
    {
      kind: 'pairs',
      name: 'extraSpecs',
      label: t('flavors.extraSpecs'),
      description: t('flavors.extraSpecsText'),
      first: flavor?.extraSpecs,
    },
  ] as const

export function useFlavorActions(onDeleted?: () => void): Actions<FlavorData> {
  const { t } = useTranslation()
  const edit = useFormAction('compute.flavor.update', (flavor: FlavorData, close) => (
    <EditForm
      row={flavor}
      isLarge
      fields={otherFields(t, flavor)}
      mutation={FlavorUpdate}
      input={({ extraSpecs, ...values }) => ({
        ...values,
        extraSpecs: mapOf(extraSpecs),
      })}
      onClose={close}
    />
  ))
  const toggle = useSwitchAction<FlavorData>(
    'compute.flavor.update',
    FlavorUpdate,
    t('flavors.disableText'),
  )
  const remove = useDeleteAction<FlavorData>({
    rule: 'compute.flavor.delete',
    mutation: FlavorDelete,
    text: t('flavors.deleteText'),
    onDone: onDeleted,
  })
  return useActions([edit, toggle, remove], ({ name }) => name)
}

export function FlavorCreateButton({ isPrimary }: { isPrimary?: boolean }) {
  const { t } = useTranslation()
  return (
    <CreateButton
      rule="compute.flavor.create"
      text={t('flavors.create')}
      isPrimary={isPrimary}
      form={(close) => (
        <NewForm
          title={t('flavors.create')}
          isLarge
          fields={[...sizeFields(t), ...otherFields(t)]}
          mutation={FlavorCreate}
          input={({ vcpus, memoryMiB, diskGiB, extraSpecs, ...values }) => ({
            ...values,
            vcpus: vcpus ?? 0,
            memoryMiB: memoryMiB ?? 0,
            diskGiB: diskGiB ?? 0,
            extraSpecs: mapOf(extraSpecs),
          })}
          pageOf={({ flavorCreate: { flavor } }) => flavor && paths.flavor(flavor.id)}
          onClose={close}
        />
      )}
    />
  )
}
