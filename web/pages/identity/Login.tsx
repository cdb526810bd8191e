import Alert from '@cloudscape-design/components/alert'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import { I18nProvider } from '@cloudscape-design/components/i18n'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { useTranslation } from 'react-i18next'
import { Navigate, useSearchParams } from 'react-router'
import {
  currentComponentMessages,
  currentLanguage,
  currentLocale,
  type LanguageCode,
  languages,
  setLanguage,
} from '../../i18n/language.ts'
import { LoginForm } from '../../parts/identity/LoginForm.tsx'
import { Providers } from '../../parts/identity/Providers.tsx'
import { returnPath } from '../../paths.ts'
import { sessionHasExpired, useSession } from '../../session.ts'
import logo from '../../ui/logo.svg'
import { PageTitle } from '../../ui/PageTitle.tsx'

export function Login() {
  const { t } = useTranslation()
  const session = useSession()
  const [params] = useSearchParams()
  if (session) return <Navigate to={returnPath(params.get('from'))} replace />
  return (
    <I18nProvider locale={currentLocale()} messages={currentComponentMessages()}>
      <PageTitle text={t('login.title')} />
      <main className="login">
        <div className="login-card">
          <SpaceBetween size="l">
            <div className="login-brand">
              <img src={logo} alt="" width={44} height={44} />
              <Box variant="h1" fontSize="display-l" fontWeight="bold" tagOverride="span">
                Nephograph
              </Box>
            </div>
            {sessionHasExpired() && <Alert type="info">{t('login.expired')}</Alert>}
            <LoginForm />
            <Providers />
            <LanguageChoice />
          </SpaceBetween>
        </div>
      </main>
    </I18nProvider>
  )
}

function LanguageChoice() {
  return (
    <div className="login-languages">
      <SpaceBetween direction="horizontal" size="m" alignItems="center">
        {Object.entries(languages).map(([code, { name }]) => (
          <Button
            key={code}
            variant="inline-link"
            disabled={code === currentLanguage()}
            onClick={() => void setLanguage(code as LanguageCode)}
          >
            {name}
          </Button>
        ))}
      </SpaceBetween>
    </div>
  )
}
