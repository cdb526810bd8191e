import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { word } from '../../i18n/words.ts'
import { Moment } from '../../ui/Moment.tsx'
import { SecretModal } from '../../ui/SecretOnce.tsx'
import { CreateButton, useActions, useDeleteAction } from '../actions.tsx'
import { createdColumn, textColumn } from '../columns.tsx'
import { FormModal } from '../form/FormModal.tsx'
import { descriptionField, nameField } from '../form/name-and-description.ts'
import { SubList } from '../SubList.tsx'
import { useViewer } from '../viewer.ts'
import {
  AppCredentialCreate,
  AppCredentialDelete,
  type AppCredentialRowData,
  AppCredentialsQuery,
} from './credential-fields.ts'
import { momentOf } from './moment-field.ts'

/** What programs sign in with in place of the user. */
export function AppCredentials() {
  const { t } = useTranslation()
  const { user } = useViewer()
  const [made, setMade] = useState<Made | null>(null)
  const remove = useDeleteAction<AppCredentialRowData>({
    rule: 'identity.application-credential.delete',
    mutation: AppCredentialDelete,
    text: t('profile.appDeleteText'),
  })
  const actions = useActions([remove], ({ name }) => name)
  return (
    <>
      <SubList
        title={t('profile.apps')}
        description={t('profile.appsText')}
        query={AppCredentialsQuery}
        variables={{ userId: user.id }}
        rows={({ applicationCredentials }) => applicationCredentials}
        columns={[
          { id: 'name', header: t('common.name'), isRowHeader: true, cell: ({ name }) => name },
          textColumn<AppCredentialRowData>('id', t('common.id'), ({ id }) => id),
          textColumn<AppCredentialRowData>(
            'project',
            t('shell.project'),
            ({ project }) => project?.name,
          ),
          textColumn<AppCredentialRowData>('roles', t('nav.roles'), ({ roles }) =>
            roles.map(({ name }) => word('role', name)).join(', '),
          ),
          textColumn<AppCredentialRowData>(
            'rules',
            t('profile.accessRules'),
            ({ accessRules }) => accessRules.join(', ') || t('common.all'),
          ),
          {
            id: 'ends',
            header: t('profile.expires'),
            minWidth: 190,
            cell: ({ expiresAt }) => (expiresAt ? <Moment at={expiresAt} /> : t('profile.never')),
          },
          createdColumn<AppCredentialRowData>(t),
          ...actions.columns,
        ]}
        actions={
          <CreateButton
            rule="identity.application-credential.create"
            text={t('profile.appCreate')}
            form={(close) => <AppCredentialForm onMade={setMade} onClose={close} />}
          />
        }
        noneText={t('profile.appsNone')}
      />
      {actions.dialogs}
      {made && (
        <SecretModal
          title={t('manage.done.created', { name: made.name })}
          items={[
            { label: t('common.id'), value: made.id },
            { label: t('profile.secret'), value: made.secret },
          ]}
          file={{ name: `${made.name}.txt`, text: `id=${made.id}\nsecret=${made.secret}\n` }}
          onClose={() => setMade(null)}
        />
      )}
    </>
  )
}

interface Made {
  id: string
  name: string
  secret: string
}

interface AppCredentialFormProps {
  onMade(made: Made): void
  onClose(): void
}

function AppCredentialForm({ onMade, onClose }: AppCredentialFormProps) {
  const { t } = useTranslation()
  const { roles, rules } = useViewer()
  return (
    <FormModal
      title={t('profile.appCreate')}
      submitText={t('manage.create')}
      fields={[
        nameField(t),
        descriptionField(t),
        {
          kind: 'multiselect',
          name: 'roles',
          label: t('nav.roles'),
          description: t('profile.rolesText'),
          options: roles.map(({ name }) => ({ value: name, label: word('role', name) })),
        },
        {
          kind: 'text',
          name: 'expiresAt',
          label: t('profile.expires'),
          description: t('profile.expiresText'),
          placeholder: '2030-12-31',
        },
        {
          kind: 'multiselect',
          name: 'accessRules',
          label: t('profile.accessRules'),
          description: t('profile.accessRulesText'),
          options: rules.map((value) => ({ value, label: value })),
        },
        {
          kind: 'toggle',
          name: 'unrestricted',
          label: t('profile.unrestricted'),
          description: t('profile.unrestrictedText'),
        },
      ]}
      mutation={AppCredentialCreate}
      input={(values) => ({
        ...values,
        roles: values.roles.length > 0 ? [...values.roles] : undefined,
        accessRules: values.accessRules.length > 0 ? [...values.accessRules] : undefined,
        expiresAt: momentOf(values.expiresAt),
      })}
      onDone={({ applicationCredentialCreate: { applicationCredential, secret } }) => {
        if (applicationCredential && secret) onMade({ ...applicationCredential, secret })
        return undefined
      }}
      onClose={onClose}
    />
  )
}
