import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { word } from '../../i18n/words.ts'
import { FormModal } from '../form/FormModal.tsx'
import type { Field } from '../form/fields.ts'
import type { FormState } from '../form/use-form.ts'
import type { CommandInput, MutationFormOptions } from '../form/use-mutation-form.ts'
import { actionOf } from './server-actions.ts'
import type { ServerRowData } from './server-fields.ts'

/** What the form of every action is given. */
export interface ActionFormProps {
  server: ServerRowData
  onClose(): void
}

interface ServerFormProps<Fields extends readonly Field[], Data, Input extends CommandInput>
  extends ActionFormProps,
    Omit<MutationFormOptions<Fields, Data, Input>, 'onDone'> {
  /** The id of the offered action. */
  action: string
  children?: ReactNode
  content?(form: FormState<Fields>): ReactNode
  isLarge?: boolean
}

/** The form of an action on one server; what is accepted is told as that of actions without one. */
export function ServerForm<const Fields extends readonly Field[], Data, Input extends CommandInput>(
  props: ServerFormProps<Fields, Data, Input>,
) {
  const { t } = useTranslation()
  const { action, server } = props
  const verb = t(`servers.action.${action}` as 'servers.action.stop')
  const what = word('taskState', actionOf(action)?.name ?? action)
  return (
    <FormModal
      {...props}
      title={t('servers.formTitle', { action: verb, name: server.name })}
      submitText={verb}
      onDone={() => ({ header: t('servers.accepted', { what, names: server.name }) })}
    />
  )
}
