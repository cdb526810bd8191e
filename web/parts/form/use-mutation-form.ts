import { useNavigate } from 'react-router'
import { type TypedDocumentNode, useClient } from 'urql'
import { useFlash } from '../../hooks/flash.tsx'
import { useRereadScreen } from '../../hooks/screen.ts'
import type { Field, Values } from './fields.ts'
import { type FormState, useForm } from './use-form.ts'

/** What every command of the API takes besides its own. */
export interface CommandInput {
  idempotencyKey?: string | null
}

/** What a success is followed by. */
export interface Done {
  /** The result, in the corner. */
  header?: string
  /** The page to go to; without it, who showed the form goes on. */
  to?: string
}

export interface MutationFormOptions<
  Fields extends readonly Field[],
  Data,
  Input extends CommandInput,
> {
  fields: Fields
  mutation: TypedDocumentNode<Data, { input: Input }>
  /** Another mutation that says the same of some values with less; null: the usual one. */
  otherwise?(
    values: Values<Fields>,
  ): TypedDocumentNode<object, { input: CommandInput & { id: string } }> | null
  /** The mutation's input of what the fields hold. */
  input(values: Values<Fields>): Omit<Input, 'idempotencyKey'>
  onDone(data: Data, values: Values<Fields>): Done | undefined
  /** The mutation takes no idempotency key: each time it is sent is another. */
  isUnkeyed?: true
}

/** A form that one mutation of the API is sent by. */
export function useMutationForm<
  const Fields extends readonly Field[],
  Data,
  Input extends CommandInput,
>(options: MutationFormOptions<Fields, Data, Input>): FormState<Fields> {
  const client = useClient()
  const navigate = useNavigate()
  const { show } = useFlash()
  const rereadScreen = useRereadScreen()
  return useForm(options.fields, async (values, idempotencyKey) => {
    const key = options.isUnkeyed ? {} : { idempotencyKey }
    const input = { ...options.input(values), ...key } as Input
    const mutation = (options.otherwise?.(values) ?? options.mutation) as typeof options.mutation
    const { data, error } = await client.mutation(mutation, { input })
    if (error) throw error
    if (!data) throw new Error('The API answered without data')
    const done = options.onDone(data, values)
    if (done?.header) show({ type: 'success', header: done.header })
    if (done?.to) await navigate(done.to)
    else rereadScreen()
  })
}
