import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { TypedDocumentNode } from 'urql'
import { graphql } from '../../graphql.ts'
import { formatMoment } from '../../ui/format.ts'
import { SecretModal } from '../../ui/SecretOnce.tsx'
import { CreateButton } from '../actions.tsx'
import { FormModal } from '../form/FormModal.tsx'
import type { CommandInput } from '../form/use-mutation-form.ts'

type Create = TypedDocumentNode<
  { hostJoinTokenCreate: { secret: string; expiresAt: string } },
  { input: CommandInput & { hostName?: string | null } }
>

const HostJoinTokenCreate: Create = graphql(`
  mutation HostJoinTokenCreate($input: HostJoinTokenCreateInput!) {
    hostJoinTokenCreate(input: $input) { secret expiresAt }
  }
`)

/** Gives the word with which one host joins; it is shown once. */
export function HostJoinButton() {
  const { t } = useTranslation()
  const [made, setMade] = useState<{ secret: string; expiresAt: string } | null>(null)
  return (
    <>
      <CreateButton
        rule="compute.host.join"
        text={t('hosts.join')}
        isPrimary
        form={(close) => (
          <FormModal
            title={t('hosts.join')}
            submitText={t('manage.create')}
            fields={[
              {
                kind: 'text',
                name: 'hostName',
                label: t('hosts.joinName'),
                description: t('hosts.joinNameText'),
              },
            ]}
            mutation={HostJoinTokenCreate}
            isUnkeyed
            input={({ hostName }) => ({ hostName: hostName || null })}
            onDone={({ hostJoinTokenCreate }) => {
              setMade(hostJoinTokenCreate)
              return undefined
            }}
            onClose={close}
          />
        )}
      />
      {made && (
        <SecretModal
          title={t('hosts.joinWord')}
          items={[{ label: t('hosts.joinWord'), value: made.secret }]}
          file={{ name: 'host-join.txt', text: `${made.secret}\n` }}
          onClose={() => setMade(null)}
        >
          {t('hosts.joinText', { until: formatMoment(made.expiresAt) })}
        </SecretModal>
      )}
    </>
  )
}
