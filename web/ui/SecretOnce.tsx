import Alert from '@cloudscape-design/components/alert'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard'
import Modal from '@cloudscape-design/components/modal'
import SpaceBetween from '@cloudscape-design/components/space-between'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { saveFile } from './save-file.ts'

interface SecretOnceProps {
  /** What has to be kept, the secret among it; each is copied by itself. */
  items: readonly { label: string; value: string }[]
  file: { name: string; text: string }
}

/** A secret that the API tells once: to be copied or saved now. */
export function SecretOnce({ items, file }: SecretOnceProps) {
  const { t } = useTranslation()
  return (
    <SpaceBetween size="m">
      <Alert type="warning" header={t('secret.title')}>
        {t('secret.text')}
      </Alert>
      {items.map(({ label, value }) => (
        <div key={label}>
          <Box variant="awsui-key-label">{label}</Box>
          <CopyToClipboard
            variant="inline"
            textToCopy={value}
            textToDisplay={<code className="secret">{value}</code>}
            copyButtonAriaLabel={t('secret.copy', { label })}
            copySuccessText={t('common.copied')}
            copyErrorText={t('common.copyFailed')}
          />
        </div>
      ))}
      <Button iconName="download" formAction="none" onClick={() => saveFile(file.name, file.text)}>
        {t('secret.download')}
      </Button>
    </SpaceBetween>
  )
}

interface SecretModalProps extends SecretOnceProps {
  title: string
  children?: ReactNode
  onClose(): void
}

/** The same in front of the page, after the form that made it. Only its own buttons close it. */
export function SecretModal({ title, children, onClose, ...secret }: SecretModalProps) {
  const { t } = useTranslation()
  return (
    <Modal
      visible
      header={title}
      closeAriaLabel={t('common.close')}
      onDismiss={({ detail }) => {
        // A click beside it or a stray Escape must not lose what can't be shown again.
        if (detail.reason === 'closeButton') onClose()
      }}
      footer={
        <Box float="right">
          <Button variant="primary" onClick={onClose}>
            {t('secret.done')}
          </Button>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {children}
        <SecretOnce {...secret} />
      </SpaceBetween>
    </Modal>
  )
}
