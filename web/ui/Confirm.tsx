import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import Modal from '@cloudscape-design/components/modal'
import SpaceBetween from '@cloudscape-design/components/space-between'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

interface ConfirmProps {
  title: string
  /** The verb on the button that goes on. */
  confirmText: string
  children: ReactNode
  onConfirm(): void
  onCancel(): void
}

/** Asks before something that can't be taken back. */
export function Confirm({ title, confirmText, children, onConfirm, onCancel }: ConfirmProps) {
  const { t } = useTranslation()
  return (
    <Modal
      visible
      header={title}
      closeAriaLabel={t('common.close')}
      onDismiss={onCancel}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onCancel}>
              {t('common.cancel')}
            </Button>
            <Button variant="primary" onClick={onConfirm}>
              {confirmText}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      {children}
    </Modal>
  )
}
