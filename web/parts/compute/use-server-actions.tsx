import type { ButtonDropdownProps } from '@cloudscape-design/components/button-dropdown'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useClient } from 'urql'
import { explain } from '../../errors.ts'
import { useFlash } from '../../hooks/flash.tsx'
import { Confirm } from '../../ui/Confirm.tsx'
import { ProblemFacts } from '../Problem.tsx'
import {
  confirmedActions,
  permission,
  runServerAction,
  type ServerActionName,
  serverActionNames,
} from './server-actions.ts'
import type { ServerRowData } from './server-fields.ts'

const namesShown = 10

interface Asked {
  action: ServerActionName
  servers: readonly ServerRowData[]
}

export interface ServerActions {
  /** Does it, or asks first. */
  request(action: ServerActionName, servers: readonly ServerRowData[]): void
  /** The items of an action menu: all of them, those not allowed with the reason. */
  menuItems(servers: readonly ServerRowData[]): ButtonDropdownProps.Item[]
  /** The question, when there is one; belongs somewhere on the page. */
  dialog: ReactNode
}

/**
 * The actions on servers, with confirmation and results, for the list and the page of one server.
 */
export function useServerActions(): ServerActions {
  const { t } = useTranslation()
  const client = useClient()
  const { show } = useFlash()
  const [asked, setAsked] = useState<Asked | null>(null)

  async function run({ action, servers }: Asked): Promise<void> {
    setAsked(null)
    // Browsers send a handful of requests at a time; a page of servers needs no queue of our own.
    const results = await Promise.all(
      servers.map(async (server) => {
        const { error } = await runServerAction[action](client, server.id)
        return { server, problem: error && explain(error) }
      }),
    )
    const accepted = results.filter(({ problem }) => !problem).map(({ server }) => server.name)
    if (accepted.length > 0) {
      const names = accepted.slice(0, namesShown).join(', ')
      const header = t(`servers.accepted.${action}`, { count: accepted.length, names })
      show({ type: 'success', header })
    }
    for (const { server, problem } of results) {
      if (!problem) continue
      const header = t('servers.refused', {
        action: t(`servers.action.${action}`),
        name: server.name,
      })
      show({ type: 'error', header, content: <ProblemFacts problem={problem} /> })
    }
  }

  return {
    request(action, servers) {
      if (confirmedActions.has(action)) setAsked({ action, servers })
      else void run({ action, servers })
    },
    menuItems: (servers) =>
      serverActionNames.map((id) => {
        const { allowed, reason } = permission(servers, id)
        const text = t(`servers.action.${id}`)
        return { id, text, disabled: !allowed, disabledReason: reason }
      }),
    dialog: asked && (
      <ServerConfirm
        asked={asked}
        onConfirm={() => void run(asked)}
        onCancel={() => setAsked(null)}
      />
    ),
  }
}

interface ServerConfirmProps {
  asked: Asked
  onConfirm(): void
  onCancel(): void
}

function ServerConfirm({ asked, onConfirm, onCancel }: ServerConfirmProps) {
  const { t } = useTranslation()
  const { action, servers } = asked
  const count = servers.length
  const key = action === 'delete' ? 'delete' : 'rebootHard'
  return (
    <Confirm
      title={t(`servers.confirm.${key}.title`, { count })}
      confirmText={t(`servers.action.${action}`)}
      onConfirm={onConfirm}
      onCancel={onCancel}
    >
      <SpaceBetween size="s">
        <div>{t(`servers.confirm.${key}.text`, { count })}</div>
        <ul>
          {servers.slice(0, namesShown).map((server) => (
            <li key={server.id}>
              <b>{server.name}</b>
            </li>
          ))}
          {count > namesShown && <li>{t('common.more', { count: count - namesShown })}</li>}
        </ul>
      </SpaceBetween>
    </Confirm>
  )
}
