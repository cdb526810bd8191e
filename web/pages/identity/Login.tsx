import Alert from '@cloudscape-design/components/alert'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import Container from '@cloudscape-design/components/container'
import ExpandableSection from '@cloudscape-design/components/expandable-section'
import FormField from '@cloudscape-design/components/form-field'
import { I18nProvider } from '@cloudscape-design/components/i18n'
import Input from '@cloudscape-design/components/input'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { type FormEvent, useState } from 'react'
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
import { signIn } from '../../token.ts'
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

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault()
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

  const field = (name: keyof typeof form, autoComplete: string, description?: string) => (
    <FormField
      label={t(`login.${name}`)}
      description={description}
      errorText={isSent && name !== 'project' && !form[name] ? t('login.missing') : undefined}
      stretch
    >
      <Input
        value={form[name]}
        name={name}
        type={name === 'password' ? 'password' : 'text'}
        autoComplete={autoComplete}
        autoFocus={name === 'user'}
        spellcheck={false}
        onChange={({ detail }) => setForm({ ...form, [name]: detail.value })}
      />
    </FormField>
  )

  return (
    <form onSubmit={submit} aria-label={t('login.title')}>
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
          {field('user', 'username')}
          {field('password', 'current-password')}
          <ExpandableSection variant="footer" headerText={t('login.scope')}>
            <SpaceBetween size="m">
              {field('domain', 'off')}
              {field('project', 'off', t('login.projectText'))}
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
