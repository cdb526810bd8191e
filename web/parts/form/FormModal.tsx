import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import Modal from '@cloudscape-design/components/modal'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { type ReactNode, type SyntheticEvent, useEffect, useId, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { submitsBy } from '../../ui/form.ts'
import { ProblemAlert } from '../Problem.tsx'
import { FieldInputs } from './FieldInputs.tsx'
import { type Field, isSaidAtFields } from './fields.ts'
import type { FormState } from './use-form.ts'
import {
  type CommandInput,
  type Done,
  type MutationFormOptions,
  useMutationForm,
} from './use-mutation-form.ts'

interface FormModalProps<Fields extends readonly Field[], Data, Input extends CommandInput>
  extends MutationFormOptions<Fields, Data, Input> {
  title: string
  /** What is said above the fields. */
  children?: ReactNode
  /** What stands in place of the fields, where they alone are not enough. */
  content?(form: FormState<Fields>): ReactNode
  isLarge?: boolean
  submitText: string
  /** Closes it: after a success and when it is left. It is there as long as it is rendered. */
  onClose(): void
}

/** A form in front of the page: a table of fields and one mutation. */
export function FormModal<const Fields extends readonly Field[], Data, Input extends CommandInput>(
  props: FormModalProps<Fields, Data, Input>,
) {
  const { t } = useTranslation()
  const id = useId()
  const { title, children, content, submitText, isLarge, onClose } = props
  const form = useMutationForm<Fields, Data, Input>({
    ...props,
    onDone(data, values): Done | undefined {
      const done = props.onDone(data, values)
      onClose()
      return done
    },
  })
  const { problem, isBusy, submit } = form
  return (
    <Modal
      visible
      header={title}
      size={isLarge ? 'large' : 'medium'}
      closeAriaLabel={t('common.close')}
      onDismiss={({ detail }) => {
        // A click beside it must not lose what was typed.
        if (detail.reason !== 'overlay') onClose()
      }}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" formAction="none" onClick={onClose}>
              {t('common.cancel')}
            </Button>
            <Button variant="primary" form={id} formAction="submit" loading={isBusy}>
              {submitText}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <ModalForm id={id} title={title} onSubmit={submitsBy(submit)}>
        {children}
        {content ? content(form) : <FieldInputs form={form} />}
        {problem && !isSaidAtFields(problem, form.fields) && <ProblemAlert problem={problem} />}
      </ModalForm>
    </Modal>
  )
}

interface ModalFormProps {
  id: string
  title: string
  onSubmit(event: SyntheticEvent): void
  children: ReactNode
}

function ModalForm({ id, title, onSubmit, children }: ModalFormProps) {
  const element = useRef<HTMLFormElement>(null)
  useEffect(() => {
    // The modal gives the keyboard to its close button, in an effect that runs after this one.
    queueMicrotask(() => element.current?.querySelector<HTMLElement>('input, textarea')?.focus())
  }, [])
  return (
    <form ref={element} id={id} onSubmit={onSubmit} aria-label={title}>
      <SpaceBetween size="l">{children}</SpaceBetween>
    </form>
  )
}
