import { useState } from 'react'
import { explain, type Problem } from '../../errors.ts'
import { useIdempotencyKey } from '../../hooks/idempotency.ts'
import {
  type AnyValue,
  type AnyValues,
  type Field,
  firstValues,
  missingFields,
  trimmed,
  type Values,
} from './fields.ts'

export interface FormState<Fields extends readonly Field[] = readonly Field[]> {
  fields: Fields
  values: Values<Fields>
  change(name: string, value: AnyValue): void
  /** Why the API refused; null again as soon as something is changed. */
  problem: Problem | null
  isSent: boolean
  /** What is required and empty; nothing before the form was sent. */
  missing: readonly string[]
  isBusy: boolean
  submit(): Promise<void>
}

/**
 * The state of a form. `send` gets the values and their idempotency key (the same for as long as
 * the values are) and throws the API's error; it is not called while something required is empty or
 * the last one still runs.
 */
export function useForm<const Fields extends readonly Field[]>(
  fields: Fields,
  send: (values: Values<Fields>, idempotencyKey: string) => Promise<void>,
): FormState<Fields> {
  const keyFor = useIdempotencyKey()
  const [changed, setChanged] = useState<AnyValues>({})
  const [problem, setProblem] = useState<Problem | null>(null)
  const [isSent, setSent] = useState(false)
  const [isBusy, setBusy] = useState(false)
  // Choices may arrive after the form is there: what was not touched follows the table.
  const values = { ...firstValues(fields), ...changed }

  async function submit(): Promise<void> {
    setSent(true)
    if (isBusy || missingFields(fields, values).length > 0) return
    setProblem(null)
    setBusy(true)
    const sent = trimmed(fields, values)
    try {
      await send(sent as Values<Fields>, keyFor(sent))
    } catch (error) {
      setProblem(explain(error))
    } finally {
      setBusy(false)
    }
  }

  return {
    fields,
    values: values as Values<Fields>,
    change(name, value) {
      setChanged((before) => ({ ...before, [name]: value }))
      setProblem(null)
    },
    problem,
    isSent,
    missing: isSent ? missingFields(fields, values) : [],
    isBusy,
    submit,
  }
}
