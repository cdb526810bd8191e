import Button from '@cloudscape-design/components/button'
import Form from '@cloudscape-design/components/form'
import SpaceBetween from '@cloudscape-design/components/space-between'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useFollow } from '../../hooks/follow.ts'
import { submitsBy } from '../../ui/form.ts'
import { ProblemAlert } from '../Problem.tsx'
import { isSaidAtFields } from './fields.ts'
import type { FormState } from './use-form.ts'

interface FormFrameProps {
  form: Pick<FormState, 'problem' | 'isBusy' | 'submit'> & { fields: readonly { name: string }[] }
  /** The verb on the button; also what the form is called. */
  submitText: string
  /** Where to without doing it. */
  cancelHref: string
  /** Stands where the way out is, while something else than leaving can be done. */
  cancel?: ReactNode
  children: ReactNode
}

/** A form on a page: its content, what was refused that no field says, and its buttons. */
export function FormFrame({ form, submitText, cancelHref, cancel, children }: FormFrameProps) {
  const { t } = useTranslation()
  const follow = useFollow()
  const { problem, isBusy, submit } = form
  return (
    <form onSubmit={submitsBy(submit)} aria-label={submitText}>
      <Form
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            {cancel || (
              <Button variant="link" formAction="none" href={cancelHref} onFollow={follow}>
                {t('common.cancel')}
              </Button>
            )}
            <Button variant="primary" formAction="submit" loading={isBusy}>
              {submitText}
            </Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="l">
          {children}
          {problem && !isSaidAtFields(problem, form.fields) && <ProblemAlert problem={problem} />}
        </SpaceBetween>
      </Form>
    </form>
  )
}
