import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { SecretModal } from '../../ui/SecretOnce.tsx'
import { CreateButton } from '../actions.tsx'
import { FormModal } from '../form/FormModal.tsx'
import { nameField } from '../form/name-and-description.ts'
import { KeypairCreate, KeypairImport } from './keypair-fields.ts'

interface KeypairCreateButtonProps {
  isPrimary?: boolean
  /** Called with the name of the new key pair once its private key is kept. */
  onMade?: (name: string) => void
}

/** Makes a key pair: its private key is shown once. */
export function KeypairCreateButton({ isPrimary, onMade }: KeypairCreateButtonProps) {
  const { t } = useTranslation()
  const [made, setMade] = useState<{ name: string; privateKey: string } | null>(null)
  return (
    <>
      <CreateButton
        rule="compute.keypair.create"
        text={t('keypairs.create')}
        isPrimary={isPrimary}
        form={(close) => (
          <FormModal
            title={t('keypairs.create')}
            submitText={t('manage.create')}
            fields={[nameField(t)]}
            mutation={KeypairCreate}
            input={(values) => values}
            onDone={({ keypairCreate: { privateKey } }, { name }) => {
              if (privateKey) setMade({ name, privateKey })
              return undefined
            }}
            onClose={close}
          />
        )}
      />
      {made && (
        <SecretModal
          title={t('manage.done.created', { name: made.name })}
          items={[{ label: t('keypairs.privateKey'), value: made.privateKey }]}
          file={{ name: `${made.name}.pem`, text: made.privateKey }}
          onClose={() => {
            setMade(null)
            onMade?.(made.name)
          }}
        />
      )}
    </>
  )
}

export function KeypairImportButton() {
  const { t } = useTranslation()
  return (
    <CreateButton
      rule="compute.keypair.create"
      text={t('keypairs.import')}
      form={(close) => (
        <FormModal
          title={t('keypairs.import')}
          submitText={t('keypairs.import')}
          fields={[
            nameField(t),
            {
              kind: 'text',
              name: 'publicKey',
              label: t('keypairs.publicKey'),
              description: t('keypairs.publicKeyText'),
              isRequired: true,
              isMultiline: true,
            },
          ]}
          mutation={KeypairImport}
          input={(values) => values}
          onDone={(_, { name }) => ({ header: t('manage.done.added', { name }) })}
          onClose={close}
        />
      )}
    />
  )
}
