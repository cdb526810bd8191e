/** Forms of what makes copies of a server: snapshots, backups, another one like it. */
import { useTranslation } from 'react-i18next'
import type { TypedDocumentNode } from 'urql'
import { type ActionFormProps, ServerForm } from './ServerForm.tsx'
import {
  type OnServerInput,
  ServerBackup,
  ServerClone,
  ServerSnapshot,
} from './server-mutations.ts'

const rotationUsual = 7

/** The name of the copy: that of the server, and what it is. */
const nameField = (action: string, { server }: ActionFormProps, label: string, description = '') =>
  ({
    kind: 'text',
    name: 'name',
    label,
    description,
    isRequired: true,
    first: `${server.name}-${action}`,
  }) as const

interface NamedFormProps extends ActionFormProps {
  action: 'snapshot' | 'clone'
  label: string
  text: string
  mutation: TypedDocumentNode<object, { input: OnServerInput & { name: string } }>
}

/** A copy of which no more is asked than its name. */
function NamedForm({ action, label, text, mutation, ...props }: NamedFormProps) {
  return (
    <ServerForm
      {...props}
      action={action}
      fields={[nameField(action, props, label, text)]}
      mutation={mutation}
      input={({ name }) => ({ id: props.server.id, name })}
    />
  )
}

export function SnapshotForm(props: ActionFormProps) {
  const { t } = useTranslation()
  return (
    <NamedForm
      {...props}
      action="snapshot"
      label={t('servers.form.imageName')}
      text={t('servers.form.snapshotText')}
      mutation={ServerSnapshot}
    />
  )
}

export function CloneForm(props: ActionFormProps) {
  const { t } = useTranslation()
  return (
    <NamedForm
      {...props}
      action="clone"
      label={t('common.name')}
      text={t('servers.form.cloneText')}
      mutation={ServerClone}
    />
  )
}

export function BackupForm(props: ActionFormProps) {
  const { t } = useTranslation()
  return (
    <ServerForm
      {...props}
      action="backup"
      fields={[
        nameField('backup', props, t('servers.form.imageName')),
        {
          kind: 'text',
          name: 'backupType',
          label: t('servers.form.backupType'),
          description: t('servers.form.backupTypeText'),
          isRequired: true,
          first: 'daily',
        },
        {
          kind: 'number',
          name: 'rotation',
          label: t('servers.form.rotation'),
          description: t('servers.form.rotationText'),
          isRequired: true,
          first: rotationUsual,
        },
      ]}
      mutation={ServerBackup}
      input={({ rotation, ...values }) => ({
        ...values,
        id: props.server.id,
        rotation: rotation ?? 1,
      })}
    />
  )
}
