import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard'
import { useTranslation } from 'react-i18next'

/** An id with a button that copies it. */
export function CopyId({ id }: { id: string }) {
  const { t } = useTranslation()
  return (
    <CopyToClipboard
      variant="inline"
      textToCopy={id}
      copyButtonAriaLabel={t('common.copyId')}
      copySuccessText={t('common.copied')}
      copyErrorText={t('common.copyFailed')}
    />
  )
}
