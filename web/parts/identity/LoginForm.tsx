/**
 * Signing in with a password. When the API says that something more is needed (the code of a second
 * factor, a new password) the same form asks for it, and sends all again.
 */
import Alert from '@cloudscape-design/components/alert'
import Button from '@cloudscape-design/components/button'
import Container from '@cloudscape-design/components/container'
import ExpandableSection from '@cloudscape-design/components/expandable-section'
import FormField from '@cloudscape-design/components/form-field'
import Input, { type InputProps } from '@cloudscape-design/components/input'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { explain, fieldMessage, type Problem } from '../../errors.ts'
import { word } from '../../i18n/words.ts'
import { type Credentials, signIn } from '../../token.ts'
import { submitsBy } from '../../ui/form.ts'

const nothing: Credentials = {
  user: '',
  password: '',
  domain: 'Default',
  project: '',
  totp: '',
  newPassword: '',
}

/** What the API may ask for besides. */
const extras = ['totp', 'newPassword'] as const

type Extra = (typeof extras)[number]

export function LoginForm() {
  const { t } = useTranslation()
  const [form, setForm] = useState(nothing)
  const [asked, setAsked] = useState<readonly Extra[]>([])
  const [problem, setProblem] = useState<Problem | null>(null)
  const [isBusy, setBusy] = useState(false)
  const [isSent, setSent] = useState(false)
  const needed = ['user', 'password', 'domain', ...asked]
  const isMissing = (name: keyof Credentials) => needed.includes(name) && form[name] === ''

  function refused(error: unknown): void {
    const found = explain(error)
    const missing = extras.filter((name) => found.details.missing?.includes(name))
    // To be asked for the first time is no refusal.
    const isNew = missing.some((name) => !asked.includes(name))
    setAsked((before) => [...new Set([...before, ...missing])])
    setProblem(isNew ? null : found)
    setSent(!isNew)
    // A code is good once.
    setForm((before) => ({ ...before, totp: '' }))
    setBusy(false)
  }

  async function submit(): Promise<void> {
    setSent(true)
    if (isBusy || needed.some((name) => isMissing(name as keyof Credentials))) return
    setBusy(true)
    setProblem(null)
    await signIn(form).catch(refused)
  }

  const field = (name: keyof Credentials) => ({
    name,
    value: form[name],
    errorText: isSent && isMissing(name) ? t('login.missing') : fieldMessage(problem, name),
    onChange: (value: string) => setForm({ ...form, [name]: value }),
  })

  return (
    <form onSubmit={submitsBy(submit)} aria-label={t('login.title')}>
      <Container>
        <SpaceBetween size="m">
          {problem && <Refusal problem={problem} />}
          <LoginField {...field('user')} autoComplete="username" hasFocus />
          <LoginField {...field('password')} type="password" autoComplete="current-password" />
          {asked.includes('totp') && (
            <LoginField
              {...field('totp')}
              description={t('login.totpText')}
              autoComplete="one-time-code"
              inputMode="numeric"
              hasFocus
            />
          )}
          {asked.includes('newPassword') && (
            <LoginField
              {...field('newPassword')}
              description={t('login.newPasswordText')}
              type="password"
              autoComplete="new-password"
              hasFocus
            />
          )}
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

export function Refusal({ problem }: { problem: Problem }) {
  const { t } = useTranslation()
  const header =
    problem.code === 'UNAUTHENTICATED' ? t('login.refused') : word('error', problem.code)
  return (
    <Alert type="error" header={header}>
      {problem.message}
    </Alert>
  )
}

interface LoginFieldProps extends Pick<InputProps, 'type' | 'inputMode'> {
  name: keyof Credentials
  value: string
  errorText: string | undefined
  autoComplete?: string
  description?: string
  hasFocus?: boolean
  onChange(value: string): void
}

function LoginField(props: LoginFieldProps) {
  const { t } = useTranslation()
  const { name, value, errorText, autoComplete = 'off', description, hasFocus, onChange } = props
  return (
    <FormField label={t(`login.${name}`)} description={description} errorText={errorText} stretch>
      <Input
        value={value}
        name={name}
        type={props.type ?? 'text'}
        inputMode={props.inputMode}
        autoComplete={autoComplete}
        autoFocus={hasFocus}
        spellcheck={false}
        onChange={({ detail }) => onChange(detail.value)}
      />
    </FormField>
  )
}
