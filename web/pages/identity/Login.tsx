import Alert from '@cloudscape-design/components/alert'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import Container from '@cloudscape-design/components/container'
import ExpandableSection from '@cloudscape-design/components/expandable-section'
import FormField from '@cloudscape-design/components/form-field'
import { I18nProvider } from '@cloudscape-design/components/i18n'
import Input from '@cloudscape-design/components/input'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Navigate, useSearchParams } from 'react-router'
import { explain, type Problem } from '../../errors.ts'
import {
  currentComponentMessages,
  currentLanguage,
  currentLocale,
  type LanguageCode,
  languages,
  setLanguage,
} from '../../i18n/language.ts'
import { word } from '../../i18n/words.ts'
import { returnPath } from '../../paths.ts'
import { sessionHasExpired, useSession } from '../../session.ts'
import { type Credentials, signIn } from '../../token.ts'
import { submitsBy } from '../../ui/form.ts'
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
            <LanguageChoice />
          </SpaceBetween>
        </div>
      </main>
    </I18nProvider>
  )
}

function LoginForm() {
  const { t } = useTranslation()
  const [form, setForm] = useState({ user: '', password: '', domain: 'Default', project: '' })
  const [problem, setProblem] = useState<Problem | null>(null)
  const [isBusy, setBusy] = useState(false)
  const [isSent, setSent] = useState(false)
  const isComplete = form.user !== '' && form.password !== '' && form.domain !== ''

  async function submit(): Promise<void> {
    setSent(true)
    if (isBusy || !isComplete) return
    setBusy(true)
    setProblem(null)
    try {
      await signIn(form)
    } catch (error) {
      setProblem(explain(error))
      setBusy(false)
    }
  }

  const field = (name: keyof Credentials) => ({
    name,
    value: form[name],
    isMissing: isSent && name !== 'project' && !form[name],
    onChange: (value: string) => setForm({ ...form, [name]: value }),
  })

  return (
    <form onSubmit={submitsBy(submit)} aria-label={t('login.title')}>
      <Container>
        <SpaceBetween size="m">
          {problem && (
            <Alert
              type="error"
              header={
                problem.code === 'UNAUTHENTICATED'
                  ? t('login.refused')
                  : word('error', problem.code)
              }
            >
              {problem.message}
            </Alert>
          )}
          <LoginField {...field('user')} autoComplete="username" />
          <LoginField {...field('password')} autoComplete="current-password" />
          <ExpandableSection variant="footer" headerText={t('login.scope')}>
            <SpaceBetween size="m">
              <LoginField {...field('domain')} />
              <LoginField {...field('project')} description={t('login.projectText')} />
            </SpaceBetween>
          </ExpandableSection>
          <Button variant="primary" fullWidth loading={isBusy} formAction="submit">
            {t('login.submit')}
          </Button>
        </SpaceBetween>
      </Container>
    </form>
  )
}

interface LoginFieldProps {
  name: keyof Credentials
  value: string
  isMissing: boolean
  autoComplete?: string
  description?: string
  onChange(value: string): void
}

function LoginField(props: LoginFieldProps) {
  const { t } = useTranslation()
  const { name, value, isMissing, autoComplete = 'off', description, onChange } = props
  return (
    <FormField
      label={t(`login.${name}`)}
      description={description}
      errorText={isMissing && t('login.missing')}
      stretch
    >
      <Input
        value={value}
        name={name}
        type={name === 'password' ? 'password' : 'text'}
        autoComplete={autoComplete}
        autoFocus={name === 'user'}
        spellcheck={false}
        onChange={({ detail }) => onChange(detail.value)}
      />
    </FormField>
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
