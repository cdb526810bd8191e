/** The forms of the actions on one server that need more than its id, by the action's id. */
import type { ComponentType } from 'react'
import { useTranslation } from 'react-i18next'
import { type ActionFormProps, ServerForm } from './ServerForm.tsx'
import { BackupForm, CloneForm, SnapshotForm } from './server-forms-copies.tsx'
import { EvacuateForm, LiveMigrateForm, MigrateForm, ResizeForm } from './server-forms-place.tsx'
import { PasswordForm, RebuildForm, RescueForm } from './server-forms-repair.tsx'
import { ServerForceStop, ServerLock } from './server-mutations.ts'

function ForceStopForm({ server, onClose }: ActionFormProps) {
  const { t } = useTranslation()
  return (
    <ServerForm
      action="forceStop"
      server={server}
      onClose={onClose}
      fields={[
        {
          kind: 'number',
          name: 'timeoutSeconds',
          label: t('servers.form.timeout'),
          description: t('servers.form.timeoutText'),
          first: 0,
        },
      ]}
      mutation={ServerForceStop}
      input={({ timeoutSeconds }) => ({ id: server.id, timeoutSeconds: timeoutSeconds ?? 0 })}
    />
  )
}

function LockForm({ server, onClose }: ActionFormProps) {
  const { t } = useTranslation()
  return (
    <ServerForm
      action="lock"
      server={server}
      onClose={onClose}
      fields={[
        {
          kind: 'text',
          name: 'reason',
          label: t('servers.form.reason'),
          description: t('servers.form.reasonText'),
        },
      ]}
      mutation={ServerLock}
      input={({ reason }) => ({ id: server.id, reason: reason || null })}
    />
  )
}

export const serverForms: Record<string, ComponentType<ActionFormProps>> = {
  forceStop: ForceStopForm,
  lock: LockForm,
  snapshot: SnapshotForm,
  backup: BackupForm,
  clone: CloneForm,
  resize: ResizeForm,
  migrate: MigrateForm,
  liveMigrate: LiveMigrateForm,
  evacuate: EvacuateForm,
  rescue: RescueForm,
  rebuild: RebuildForm,
  changePassword: PasswordForm,
}
