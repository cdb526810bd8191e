/** The second factor of oneself: begun with a QR code, in force with a code, taken away with one. */
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import Container from '@cloudscape-design/components/container'
import Header from '@cloudscape-design/components/header'
import SpaceBetween from '@cloudscape-design/components/space-between'
import StatusIndicator from '@cloudscape-design/components/status-indicator'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useClient } from 'urql'
import { explain } from '../../errors.ts'
import { useFlash } from '../../hooks/flash.tsx'
import { useIdempotencyKey } from '../../hooks/idempotency.ts'
import { QrCode } from '../../ui/QrCode.tsx'
import { SecretOnce } from '../../ui/SecretOnce.tsx'
import { FormModal } from '../form/FormModal.tsx'
import { ProblemFacts } from '../Problem.tsx'
import { TotpConfirm, TotpCreate } from './credential-fields.ts'
import { TotpDelete } from './user-fields.ts'

interface Begun {
  secret: string
  uri: string
}

export function SecondFactor({ isOn }: { isOn: boolean }) {
  const { t } = useTranslation()
  const client = useClient()
  const { show } = useFlash()
  const keyFor = useIdempotencyKey()
  const [begun, setBegun] = useState<Begun | null>(null)
  const [isRemoving, setRemoving] = useState(false)
  const [isBusy, setBusy] = useState(false)

  async function begin(): Promise<void> {
    setBusy(true)
    // The secret is told once: each attempt is one of its own.
    const input = { idempotencyKey: keyFor(Date.now()) }
    const { data, error } = await client.mutation(TotpCreate, { input })
    setBusy(false)
    const { secret, uri } = data?.totpCreate ?? {}
    if (secret && uri) return setBegun({ secret, uri })
    const content = <ProblemFacts problem={explain(error)} />
    show({ type: 'error', header: t('profile.totpRefused'), content })
  }

  return (
    <Container
      header={
        <Header
          variant="h2"
          description={t('profile.totpText')}
          actions={
            isOn ? (
              <Button onClick={() => setRemoving(true)}>{t('users.totpRemove')}</Button>
            ) : (
              <Button loading={isBusy} onClick={() => void begin()}>
                {t('profile.totpBegin')}
              </Button>
            )
          }
        >
          {t('users.totp')}
        </Header>
      }
    >
      <StatusIndicator type={isOn ? 'success' : 'warning'}>
        {isOn ? t('profile.totpOn') : t('profile.totpOff')}
      </StatusIndicator>
      {begun && <Enrolment begun={begun} onClose={() => setBegun(null)} />}
      {isRemoving && (
        <FormModal
          title={t('users.totpRemove')}
          submitText={t('manage.remove')}
          fields={[codeField(t('login.totp'), t('login.totpText'))]}
          mutation={TotpDelete}
          input={({ code }) => ({ code })}
          onDone={() => ({ header: t('profile.totpRemoved') })}
          onClose={() => setRemoving(false)}
        />
      )}
    </Container>
  )
}

const codeField = (label: string, description: string) =>
  ({ kind: 'text', name: 'code', label, description, isRequired: true }) as const

function Enrolment({ begun, onClose }: { begun: Begun; onClose(): void }) {
  const { t } = useTranslation()
  const { secret, uri } = begun
  return (
    <FormModal
      title={t('profile.totpBegin')}
      submitText={t('profile.totpConfirm')}
      fields={[codeField(t('login.totp'), t('profile.totpConfirmText'))]}
      mutation={TotpConfirm}
      input={({ code }) => ({ code })}
      onDone={() => ({ header: t('profile.totpOn') })}
      onClose={onClose}
    >
      <SpaceBetween size="m">
        <Box>{t('profile.totpScan')}</Box>
        <QrCode text={uri} label={t('profile.totpScan')} />
        <SecretOnce
          items={[{ label: t('profile.secret'), value: secret }]}
          file={{ name: 'nephograph-totp.txt', text: `${uri}\n` }}
        />
      </SpaceBetween>
    </FormModal>
  )
}
