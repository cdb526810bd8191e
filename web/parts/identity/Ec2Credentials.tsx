import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { SecretModal } from '../../ui/SecretOnce.tsx'
import { CreateButton, useActions, useDeleteAction } from '../actions.tsx'
import { createdColumn, textColumn } from '../columns.tsx'
import { FormModal } from '../form/FormModal.tsx'
import { SubList } from '../SubList.tsx'
import { useViewer } from '../viewer.ts'
import {
  Ec2CredentialCreate,
  Ec2CredentialDelete,
  type Ec2CredentialRowData,
  Ec2CredentialsQuery,
} from './credential-fields.ts'

type Row = Ec2CredentialRowData & { name: string }

/** What S3 and EC2 clients sign with. */
export function Ec2Credentials() {
  const { t } = useTranslation()
  const { user, project, projects } = useViewer()
  const [made, setMade] = useState<{ access: string; secret: string } | null>(null)
  const remove = useDeleteAction<Row>({
    rule: 'identity.ec2-credential.delete',
    mutation: Ec2CredentialDelete,
  })
  const actions = useActions([remove], ({ access }) => access)
  return (
    <>
      <SubList
        title={t('profile.ec2')}
        description={t('profile.ec2Text')}
        query={Ec2CredentialsQuery}
        variables={{ userId: user.id }}
        rows={({ ec2Credentials }) => ({
          ...ec2Credentials,
          nodes: ec2Credentials.nodes.map((row): Row => ({ ...row, name: row.access })),
        })}
        columns={[
          {
            id: 'access',
            header: t('profile.accessKey'),
            isRowHeader: true,
            cell: ({ access }) => <code>{access}</code>,
          },
          textColumn<Row>('project', t('shell.project'), (row) => row.project?.name),
          createdColumn<Row>(t),
          ...actions.columns,
        ]}
        actions={
          <CreateButton
            rule="identity.ec2-credential.create"
            text={t('profile.ec2Create')}
            form={(close) => (
              <FormModal
                title={t('profile.ec2Create')}
                submitText={t('manage.create')}
                fields={[
                  {
                    kind: 'select',
                    name: 'projectId',
                    label: t('shell.project'),
                    isRequired: true,
                    options: projects.map(({ id, name }) => ({ value: id, label: name })),
                    first: project?.id,
                  },
                ]}
                mutation={Ec2CredentialCreate}
                input={(values) => values}
                onDone={({ ec2CredentialCreate: { ec2Credential, secret } }) => {
                  if (ec2Credential && secret) setMade({ access: ec2Credential.access, secret })
                  return undefined
                }}
                onClose={close}
              />
            )}
          />
        }
        noneText={t('profile.ec2None')}
      />
      {actions.dialogs}
      {made && (
        <SecretModal
          title={t('manage.done.created', { name: made.access })}
          items={[
            { label: t('profile.accessKey'), value: made.access },
            { label: t('profile.secret'), value: made.secret },
          ]}
          file={{
            name: `${made.access}.txt`,
            text: `aws_access_key_id=${made.access}\naws_secret_access_key=${made.secret}\n`,
          }}
          onClose={() => setMade(null)}
        />
      )}
    </>
  )
}
