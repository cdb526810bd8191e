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
import { descriptionField, nameField } from '../form/name-and-description.ts'
import { EditForm, NewForm } from '../record-forms.tsx'
import { DomainCreate, DomainDelete, type DomainRowData, DomainUpdate } from './domain-fields.ts'

const fieldsOf = (t: TFunction, domain?: DomainRowData) =>
  [nameField(t, domain), descriptionField(t, domain)] as const

export function useDomainActions(onDeleted?: () => void): Actions<DomainRowData> {
  const { t } = useTranslation()
  const edit = useFormAction('identity.domain.update', (domain: DomainRowData, close) => (
    <EditForm
      row={domain}
      fields={fieldsOf(t, domain)}
      mutation={DomainUpdate}
      input={(values) => values}
      onClose={close}
    />
  ))
  const toggle = useSwitchAction<DomainRowData>(
    'identity.domain.update',
    DomainUpdate,
    t('domains.disableText'),
  )
  const remove = useDeleteAction<DomainRowData>({
    rule: 'identity.domain.delete',
    mutation: DomainDelete,
    text: t('domains.deleteText'),
    onDone: onDeleted,
  })
  return useActions([edit, toggle, remove], ({ name }) => name)
}

export function DomainCreateButton({ isPrimary }: { isPrimary?: boolean }) {
  const { t } = useTranslation()
  return (
    <CreateButton
      rule="identity.domain.create"
      text={t('domains.create')}
      isPrimary={isPrimary}
      form={(close) => (
        <NewForm
          title={t('domains.create')}
          fields={fieldsOf(t)}
          mutation={DomainCreate}
          input={(values) => values}
          pageOf={({ domainCreate: { domain } }) => domain && paths.domain(domain.id)}
          onClose={close}
        />
      )}
    />
  )
}
