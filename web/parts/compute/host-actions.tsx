import { useTranslation } from 'react-i18next'
import { type Action, type Actions, useActions, useFormAction } from '../actions.tsx'
import { FormModal } from '../form/FormModal.tsx'
import { useRowAction } from '../use-row-action.tsx'
import { HostMaintainForm } from './HostMaintain.tsx'
import { HostDelete, HostMaintainEnd, type HostRowData, HostUpdate } from './host-fields.ts'

/** What operators do to a host. `onDeleted`: leaving its page. */
export function useHostActions(onDeleted?: () => void): Actions<HostRowData> {
  const { t } = useTranslation()
  const disable = useFormAction(
    'compute.host.update',
    (host: HostRowData, close) => (
      <FormModal
        title={t('manage.disableTitle', { name: host.name })}
        submitText={t('manage.disable')}
        fields={[
          {
            kind: 'text',
            name: 'reason',
            label: t('servers.form.reason'),
            description: t('hosts.disableText'),
          },
        ]}
        mutation={HostUpdate}
        input={({ reason }) => ({ id: host.id, enabled: false, disabledReason: reason })}
        onDone={() => ({ header: t('manage.done.disabled', { name: host.name }) })}
        onClose={close}
      />
    ),
    {
      id: 'disable',
      text: () => t('manage.disable'),
      fits: ({ enabled, maintenance }) => enabled && !maintenance,
    },
  )
  const maintain = useFormAction(
    'compute.host.maintain',
    (host: HostRowData, close) => <HostMaintainForm host={host} onClose={close} />,
    {
      id: 'maintain',
      text: () => t('hosts.maintain'),
      fits: ({ maintenance }) => !maintenance,
    },
  )
  return useActions(
    [useEnable(), disable, maintain, useMaintainEnd(), ...useForcedDown(), useRemove(onDeleted)],
    ({ name }) => name,
  )
}

function useEnable(): Action<HostRowData> {
  const { t } = useTranslation()
  const enable = useRowAction({
    mutation: HostUpdate,
    variables: ({ id }: HostRowData) => ({ input: { id, enabled: true } }),
    doneText: ({ name }) => t('manage.done.enabled', { name }),
    refusedText: ({ name }) => t('manage.refused', { name }),
  })
  return {
    id: 'enable',
    text: () => t('manage.enable'),
    rule: 'compute.host.update',
    fits: ({ enabled, maintenance }) => !enabled && !maintenance,
    run: enable.request,
    dialog: enable.dialog,
  }
}

function useMaintainEnd(): Action<HostRowData> {
  const { t } = useTranslation()
  const end = useRowAction({
    mutation: HostMaintainEnd,
    variables: ({ id }: HostRowData) => ({ input: { id } }),
    doneText: ({ name }) => t('hosts.maintainEnded', { name }),
    refusedText: ({ name }) => t('manage.refused', { name }),
  })
  return {
    id: 'maintain-end',
    text: () => t('hosts.maintainEnd'),
    rule: 'compute.host.maintain',
    fits: ({ maintenance }) => maintenance,
    run: end.request,
    dialog: end.dialog,
  }
}

/** That a host is dead, whatever it reports; and that it is not any more. */
function useForcedDown(): Action<HostRowData>[] {
  const { t } = useTranslation()
  const refusedText = ({ name }: HostRowData) => t('manage.refused', { name })
  const force = useRowAction({
    mutation: HostUpdate,
    variables: ({ id }: HostRowData) => ({ input: { id, forcedDown: true } }),
    question: ({ name }) => ({
      title: t('hosts.forceDownTitle', { name }),
      text: t('hosts.forceDownText'),
      confirmText: t('hosts.forceDown'),
    }),
    doneText: ({ name }) => t('hosts.forcedDown', { name }),
    refusedText,
  })
  const lift = useRowAction({
    mutation: HostUpdate,
    variables: ({ id }: HostRowData) => ({ input: { id, forcedDown: false } }),
    doneText: ({ name }) => t('hosts.forceLifted', { name }),
    refusedText,
  })
  const rule = 'compute.host.update'
  return [
    {
      id: 'force-down',
      text: () => t('hosts.forceDown'),
      rule,
      fits: ({ forcedDown }) => !forcedDown,
      run: force.request,
      dialog: force.dialog,
    },
    {
      id: 'force-lift',
      text: () => t('hosts.forceLift'),
      rule,
      fits: ({ forcedDown }) => forcedDown,
      run: lift.request,
      dialog: lift.dialog,
    },
  ]
}

function useRemove(onDeleted?: () => void): Action<HostRowData> {
  const { t } = useTranslation()
  const remove = useRowAction({
    mutation: HostDelete,
    variables: ({ id }: HostRowData) => ({ input: { id } }),
    question: ({ name }) => ({
      title: t('manage.removeTitle', { name }),
      text: t('hosts.removeText'),
      confirmText: t('manage.remove'),
    }),
    doneText: ({ name }) => t('manage.done.removed', { name }),
    refusedText: ({ name }) => t('manage.refused', { name }),
    onDone: onDeleted,
  })
  return {
    id: 'remove',
    text: () => t('manage.remove'),
    rule: 'compute.host.delete',
    fits: ({ status }) => status === 'DOWN',
    run: remove.request,
    dialog: remove.dialog,
  }
}
