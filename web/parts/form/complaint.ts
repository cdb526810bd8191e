import i18next from 'i18next'
import { fieldMessage } from '../../errors.ts'
import type { Field } from './fields.ts'
import type { FormState } from './use-form.ts'

type Judged = Pick<FormState, 'problem' | 'missing'> & { fields: readonly Field[] }

/** What is wrong with a field, in words: that it is empty, or what the API says of it. */
export function complaintOf(form: Judged, name: string): string | undefined {
  if (!form.missing.includes(name)) return fieldMessage(form.problem, name)
  const field = form.fields.find((one) => one.name === name)
  if (field?.missingText) return field.missingText
  const isChoice = field?.kind === 'select' || field?.kind === 'multiselect'
  return i18next.t(isChoice ? 'form.missingChoice' : 'form.missing')
}
