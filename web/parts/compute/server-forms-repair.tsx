/** Forms of what mends a server: rescue, rebuild, a new password. */
import { useTranslation } from 'react-i18next'
import { graphql } from '../../graphql.ts'
import { type Choice, useChoice } from '../choice.ts'
import { type ActionFormProps, ServerForm } from './ServerForm.tsx'
import {
  onServer,
  ServerChangePassword,
  ServerRebuild,
  ServerRescueWith,
} from './server-mutations.ts'

const ImageOptions = graphql(`
  query ImageOptions($name: StringFilterInput) {
    found: images(first: 50, filter: { name: $name, status: [ACTIVE] }) { nodes { id name } }
  }
`)

const useImageChoice = (): Choice => useChoice(ImageOptions)

const ServerRescue = onServer('serverRescue')

export function RescueForm(props: ActionFormProps) {
  const { t } = useTranslation()
  const images = useImageChoice()
  const { id } = props.server
  const options = [{ value: '', label: t('servers.form.ownImage') }, ...images.options]
  const field = {
    kind: 'select',
    name: 'imageId',
    label: t('servers.form.rescueImage'),
    description: t('servers.form.rescueText'),
    ...images,
    options,
  } as const
  return (
    <ServerForm
      {...props}
      action="rescue"
      fields={[field]}
      mutation={ServerRescueWith}
      // Without an image the other mutation takes the one that the server was made from.
      otherwise={({ imageId }) => (imageId ? null : ServerRescue)}
      input={({ imageId }) =>
        (imageId ? { id, imageId } : { id }) as { id: string; imageId: string }
      }
    />
  )
}

export function RebuildForm({ server, onClose }: ActionFormProps) {
  const { t } = useTranslation()
  const images = useImageChoice()
  return (
    <ServerForm
      action="rebuild"
      server={server}
      onClose={onClose}
      fields={[
        {
          kind: 'select',
          name: 'imageId',
          label: t('servers.image'),
          description: t('servers.form.rebuildText'),
          isRequired: true,
          first: server.image?.id,
          ...images,
        },
        {
          kind: 'text',
          name: 'name',
          label: t('common.name'),
          first: server.name,
        },
      ]}
      mutation={ServerRebuild}
      input={({ imageId, name }) => ({ id: server.id, imageId, name: name || null })}
    />
  )
}

export function PasswordForm({ server, onClose }: ActionFormProps) {
  const { t } = useTranslation()
  return (
    <ServerForm
      action="changePassword"
      server={server}
      onClose={onClose}
      fields={[
        {
          kind: 'text',
          name: 'userName',
          label: t('servers.form.guestUser'),
          description: t('servers.form.guestUserText'),
          first: 'root',
        },
        {
          kind: 'password',
          name: 'password',
          label: t('login.newPassword'),
          description: t('servers.form.passwordText'),
          isRequired: true,
        },
      ]}
      mutation={ServerChangePassword}
      input={({ userName, password }) => ({
        id: server.id,
        password,
        userName: userName || null,
      })}
    />
  )
}
