import Container from '@cloudscape-design/components/container'
import type { ReactNode } from 'react'
import { type Crumb, Page } from '../../ui/Page.tsx'
import { FieldInputs } from './FieldInputs.tsx'
import { FormFrame } from './FormFrame.tsx'
import type { Field } from './fields.ts'
import {
  type CommandInput,
  type MutationFormOptions,
  useMutationForm,
} from './use-mutation-form.ts'

interface FormPageProps<Fields extends readonly Field[], Data, Input extends CommandInput>
  extends MutationFormOptions<Fields, Data, Input> {
  title: string
  description?: ReactNode
  /** The pages above this one; the last is where cancelling leads. */
  trail: readonly [Crumb, ...Crumb[]]
  /** The verb on the button. */
  submitText: string
}

/** A page that creates or changes something: a table of fields and one mutation. */
export function FormPage<const Fields extends readonly Field[], Data, Input extends CommandInput>(
  props: FormPageProps<Fields, Data, Input>,
) {
  const { title, description, trail, submitText } = props
  const form = useMutationForm(props)
  const above = trail.at(-1) ?? trail[0]
  return (
    <Page title={title} description={description} trail={[...trail]}>
      <FormFrame form={form} submitText={submitText} cancelHref={above.href}>
        <Container>
          <FieldInputs form={form} hasFocus />
        </Container>
      </FormFrame>
    </Page>
  )
}
