import Alert from '@cloudscape-design/components/alert'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import { useTranslation } from 'react-i18next'
import { useRouteError } from 'react-router'
import { paths } from '../paths.ts'
import { Empty } from './Empty.tsx'
import { PageLink } from './PageLink.tsx'
import { PageTitle } from './PageTitle.tsx'

/** A page that threw, or could not be loaded because a newer portal has replaced its files. */
export function BrokenPage() {
  const { t } = useTranslation()
  const error = useRouteError()
  return (
    <Box padding="xl">
      <PageTitle text={t('broken.title')} />
      <Alert
        type="error"
        header={t('broken.title')}
        action={<Button onClick={() => location.reload()}>{t('broken.reload')}</Button>}
      >
        {t('broken.text')}
        <div>
          <code>{error instanceof Error ? error.message : String(error)}</code>
        </div>
      </Alert>
    </Box>
  )
}

/** An address that is no page. */
export function MissingPage() {
  const { t } = useTranslation()
  return (
    <Box padding="xxl">
      <PageTitle text={t('missing.title')} />
      <Empty title={t('missing.title')} text={t('missing.text')}>
        <PageLink href={paths.overview()}>{t('missing.home')}</PageLink>
      </Empty>
    </Box>
  )
}
