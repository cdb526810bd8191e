/** Changing one's own password: all tokens end with the old one, and the answer holds another. */
import Container from '@cloudscape-design/components/container'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { useClient } from 'urql'
import { useFlash } from '../../hooks/flash.tsx'
import { FieldInputs } from '../../parts/form/FieldInputs.tsx'
import { FormFrame } from '../../parts/form/FormFrame.tsx'
import { useForm } from '../../parts/form/use-form.ts'
import { PasswordChangeMutation } from '../../parts/identity/credential-fields.ts'
import { paths } from '../../paths.ts'
import { replaceToken } from '../../session.ts'
import { Page } from '../../ui/Page.tsx'

export function PasswordChange() {
  const { t } = useTranslation()
  const client = useClient()
  const navigate = useNavigate()
  const { show } = useFlash()
  const form = useForm(
    [
      {
        kind: 'password',
        name: 'password',
        label: t('profile.presentPassword'),
        autoComplete: 'current-password',
        isRequired: true,
      },
      {
        kind: 'password',
        name: 'newPassword',
        label: t('login.newPassword'),
        description: t('profile.newPasswordText'),
        isRequired: true,
      },
    ],
    (values, idempotencyKey) =>
      replaceToken(async () => {
        const input = { ...values, idempotencyKey }
        const { data, error } = await client.mutation(PasswordChangeMutation, { input })
        if (error) throw error
        show({ type: 'success', header: t('profile.passwordChanged') })
        await navigate(paths.profile())
        return data?.userPasswordChange.secret ?? null
      }),
  )
  return (
    <Page
      title={t('profile.changePassword')}
      trail={[{ text: t('nav.profile'), href: paths.profile() }]}
    >
      <FormFrame form={form} submitText={t('profile.changePassword')} cancelHref={paths.profile()}>
        <Container>
          <FieldInputs form={form} hasFocus />
        </Container>
      </FormFrame>
    </Page>
  )
}
