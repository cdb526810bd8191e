/** The two forms that most things of a cloud have: one for a new thing, and one that changes it. */
import { useTranslation } from 'react-i18next'
import type { Named } from './actions.tsx'
import { FormModal } from './form/FormModal.tsx'
import type { Field, Values } from './form/fields.ts'
import type { CommandInput, MutationFormOptions } from './form/use-mutation-form.ts'

interface RecordForm<Fields extends readonly Field[], Data, Input extends CommandInput>
  extends Pick<MutationFormOptions<Fields, Data, Input>, 'fields' | 'mutation'> {
  isLarge?: boolean
  onClose(): void
}

interface NewFormProps<Fields extends readonly Field[], Data, Input extends CommandInput>
  extends RecordForm<Fields, Data, Input> {
  title: string
  input(values: Values<Fields>): Omit<Input, 'idempotencyKey'>
  /** The page of what was made; without one the list that shows it stays. */
  pageOf(data: Data): string | null
}

/** Makes a thing that has a name, and goes to its page. */
export function NewForm<
  const Fields extends readonly [Field & { name: 'name' }, ...Field[]],
  Data,
  Input extends CommandInput,
>({ pageOf, ...props }: NewFormProps<Fields, Data, Input>) {
  const { t } = useTranslation()
  return (
    <FormModal
      {...props}
      submitText={t('manage.create')}
      onDone={(data, values) => ({
        header: t('manage.done.created', { name: nameIn(values) }),
        to: pageOf(data) ?? undefined,
      })}
    />
  )
}

/** What every change takes: whose it is, and what of it was seen. */
interface ChangeInput extends CommandInput {
  id: string
  ifVersion?: number | null
}

interface EditFormProps<Fields extends readonly Field[], Data, Input extends ChangeInput>
  extends RecordForm<Fields, Data, Input> {
  row: Named & { version: number }
  input(values: Values<Fields>): Omit<Input, keyof ChangeInput>
}

/** Changes a thing as it was seen: somebody else's change in between is a conflict. */
export function EditForm<const Fields extends readonly Field[], Data, Input extends ChangeInput>({
  row,
  input,
  ...props
}: EditFormProps<Fields, Data, Input>) {
  const { t } = useTranslation()
  return (
    <FormModal
      {...props}
      title={t('manage.editTitle', { name: row.name })}
      submitText={t('manage.save')}
      input={(values) => {
        const changed = { ...input(values), id: row.id, ifVersion: row.version }
        return changed as unknown as Omit<Input, 'idempotencyKey'>
      }}
      onDone={(_, values) => ({
        header: t('manage.done.changed', { name: nameIn(values) || row.name }),
      })}
    />
  )
}

const nameIn = (values: object): string => ('name' in values ? String(values.name) : '')
