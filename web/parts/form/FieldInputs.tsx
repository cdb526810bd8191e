import FormField from '@cloudscape-design/components/form-field'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { Control } from './Control.tsx'
import { complaintOf } from './complaint.ts'
import type { AnyValues, Field } from './fields.ts'
import type { FormState } from './use-form.ts'

type FormView = Pick<FormState, 'fields' | 'change' | 'problem' | 'missing' | 'isBusy'> & {
  values: AnyValues
}

interface FieldInputsProps {
  form: FormView
  /** Which of the fields, in this order; all of them when not said. */
  names?: readonly string[]
  /** The first field has the keyboard. */
  hasFocus?: boolean
}

/** The fields of a form, one below the other, with what is wrong with each. */
export function FieldInputs({ form, names, hasFocus }: FieldInputsProps) {
  const shown = names
    ? names.flatMap((name) => form.fields.find((field) => field.name === name) ?? [])
    : form.fields
  return (
    <SpaceBetween size="l">
      {shown.map((field, index) => (
        <FieldInput key={field.name} form={form} field={field} hasFocus={hasFocus && index === 0} />
      ))}
    </SpaceBetween>
  )
}

interface FieldInputProps {
  form: FormView
  field: Field
  hasFocus?: boolean
}

function FieldInput({ form, field, hasFocus }: FieldInputProps) {
  const { name, label, description } = field
  return (
    <FormField
      label={label}
      description={description}
      errorText={complaintOf(form, name)}
      stretch={field.kind === 'pairs'}
    >
      <Control
        field={field}
        value={form.values[name] ?? null}
        onChange={(value) => form.change(name, value)}
        isDisabled={form.isBusy || field.isDisabled}
        hasFocus={hasFocus}
      />
    </FormField>
  )
}
