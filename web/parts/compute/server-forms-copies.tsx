/** Forms of what makes copies of a server: snapshots, backups, another one like it. */
import { useTranslation } from 'react-i18next'
import { type ActionFormProps, ServerForm } from './ServerForm.tsx'
import { ServerBackup, ServerClone, ServerSnapshot } from './server-mutations.ts'

const rotationUsual = 7

export function SnapshotForm({ server, onClose }: ActionFormProps) {
  const { t } = useTranslation()
  return (
    <ServerForm
      action="snapshot"
      server={server}
      onClose={onClose}
      fields={[
        {
          kind: 'text',
          name: 'name',
          label: t('servers.form.imageName'),
          description: t('servers.form.snapshotText'),
          isRequired: true,
          first: `${server.name}-snapshot`,
        },
      ]}
      mutation={ServerSnapshot}
      input={({ name }) => ({ id: server.id, name })}
    />
  )
}

export function BackupForm({ server, onClose }: ActionFormProps) {
  const { t } = useTranslation()
  return (
    <ServerForm
      action="backup"
      server={server}
      onClose={onClose}
      fields={[
        {
          kind: 'text',
          name: 'name',
          label: t('servers.form.imageName'),
          isRequired: true,
          first: `${server.name}-backup`,
        },
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
      input={({ rotation, ...values }) => ({ ...values, id: server.id, rotation: rotation ?? 1 })}
    />
  )
}

export function CloneForm({ server, onClose }: ActionFormProps) {
  const { t } = useTranslation()
  return (
    <ServerForm
      action="clone"
      server={server}
      onClose={onClose}
      fields={[
        {
          kind: 'text',
          name: 'name',
          label: t('common.name'),
          description: t('servers.form.cloneText'),
          isRequired: true,
          first: `${server.name}-clone`,
        },
      ]}
      mutation={ServerClone}
      input={({ name }) => ({ id: server.id, name })}
    />
  )
}
