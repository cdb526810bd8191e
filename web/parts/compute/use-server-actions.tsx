import type { ButtonDropdownProps } from '@cloudscape-design/components/button-dropdown'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useClient } from 'urql'
import { explain } from '../../errors.ts'
import { useFlash } from '../../hooks/flash.tsx'
import { useRereadScreen } from '../../hooks/screen.ts'
import { word } from '../../i18n/words.ts'
import { Confirm } from '../../ui/Confirm.tsx'
import { ProblemFacts } from '../Problem.tsx'
import { may, useViewer } from '../viewer.ts'
import {
  actionGroups,
  actionOf,
  type OfferedAction,
  permission,
  serverActions,
} from './server-actions.ts'
import type { ServerRowData } from './server-fields.ts'
import { serverForms } from './server-forms.tsx'

const namesShown = 10

interface Asked {
  action: OfferedAction
  servers: readonly ServerRowData[]
}

export interface ServerActions {
  /** Does it, or asks first. */
  request(id: string, servers: readonly ServerRowData[]): void
  /** The items of an action menu by groups: those not allowed now with the reason. */
  menuItems(servers: readonly ServerRowData[]): ButtonDropdownProps.Items
  /** The question or form, when there is one; belongs somewhere on the page. */
  dialog: ReactNode
}

/** The actions on servers, with questions, forms and results: for the list and for one server. */
export function useServerActions(): ServerActions {
  const { t } = useTranslation()
  const viewer = useViewer()
  const run = useRun()
  const [asked, setAsked] = useState<Asked | null>(null)
  const close = () => setAsked(null)

  const item = ({ id, name, run: isAtOnce }: OfferedAction, servers: readonly ServerRowData[]) => {
    const { allowed, reason } = permission(servers, name)
    const isOneOnly = !isAtOnce && servers.length > 1
    return {
      id,
      text: t(`servers.action.${id}` as 'servers.action.stop'),
      disabled: !allowed || isOneOnly,
      disabledReason: isOneOnly ? t('servers.formOne') : reason,
    }
  }

  return {
    request(id, servers) {
      const action = actionOf(id)
      if (!action) return
      if (action.isConfirmed || !action.run) setAsked({ action, servers })
      else void run({ action, servers })
    },
    menuItems: (servers) =>
      actionGroups.map((group) => ({
        id: group,
        text: t(`servers.group.${group}`),
        items: serverActions
          .filter((action) => action.group === group && (!action.rule || may(viewer, action.rule)))
          .map((action) => item(action, servers)),
      })),
    dialog: asked && (
      <Dialog
        asked={asked}
        onConfirm={() => {
          close()
          void run(asked)
        }}
        onClose={close}
      />
    ),
  }
}

/** Runs an action on servers and tells of each what came of it. */
function useRun(): (asked: Asked) => Promise<void> {
  const { t } = useTranslation()
  const client = useClient()
  const { show } = useFlash()
  const rereadScreen = useRereadScreen()
  return async ({ action, servers }) => {
    // Browsers send a handful of requests at a time; a page of servers needs no queue of our own.
    const results = await Promise.all(
      servers.map(async (server) => {
        const answer = await action.run?.(client, server.id)
        return { server, problem: answer?.error && explain(answer.error) }
      }),
    )
    // The watch may have told the end of it before the answer came, which is older then.
    rereadScreen()
    const accepted = results.filter(({ problem }) => !problem).map(({ server }) => server.name)
    if (accepted.length > 0) {
      const names = accepted.slice(0, namesShown).join(', ')
      const header = t('servers.accepted', { what: word('taskState', action.name), names })
      show({ type: 'success', header })
    }
    for (const { server, problem } of results) {
      if (!problem) continue
      const header = t('servers.refused', {
        action: t(`servers.action.${action.id}` as 'servers.action.stop'),
        name: server.name,
      })
      show({ type: 'error', header, content: <ProblemFacts problem={problem} /> })
    }
  }
}

interface DialogProps {
  asked: Asked
  onConfirm(): void
  onClose(): void
}

function Dialog({ asked, onConfirm, onClose }: DialogProps) {
  const Form = serverForms[asked.action.id]
  const [server] = asked.servers
  if (Form && server) return <Form server={server} onClose={onClose} />
  return <ServerConfirm asked={asked} onConfirm={onConfirm} onClose={onClose} />
}

function ServerConfirm({ asked, onConfirm, onClose }: DialogProps) {
  const { t } = useTranslation()
  const { action, servers } = asked
  const count = servers.length
  const verb = t(`servers.action.${action.id}` as 'servers.action.stop')
  return (
    <Confirm
      title={t('servers.confirmTitle', { count, action: verb, names: servers[0]?.name ?? '' })}
      confirmText={verb}
      onConfirm={onConfirm}
      onCancel={onClose}
    >
      <SpaceBetween size="s">
        <div>{t(`servers.confirm.${action.id}` as 'servers.confirm.delete')}</div>
        {count > 1 && (
          <ul>
            {servers.slice(0, namesShown).map((server) => (
              <li key={server.id}>
                <b>{server.name}</b>
              </li>
            ))}
            {count > namesShown && <li>{t('common.more', { count: count - namesShown })}</li>}
          </ul>
        )}
      </SpaceBetween>
    </Confirm>
  )
}
