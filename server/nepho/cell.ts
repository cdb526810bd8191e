/** `nepho cell`: makes databases cells of the cloud, says how they are, and takes them out again. */

import { withoutSecrets } from '../cells/address.ts'
import { type CellState, cellStates } from '../cells/list.ts'
import { cellPrepare } from '../cells/prepare.ts'
import { cellRemove } from '../cells/remove.ts'
import { inSession } from '../cells/session.ts'
import type { Config } from '../config.ts'
import { withDatabase } from './database.ts'
import { columns, type Say } from './terminal.ts'

type Home = Pick<Config, 'databaseUrl' | 'dataDir'>

export interface CellCreateOptions {
  name: string
  database: string
  homeFromCell?: string
}

/** May be repeated. */
export function createCell(config: Home, options: CellCreateOptions, say: Say): Promise<void> {
  const { name, database, homeFromCell } = options
  return withDatabase(config, async (homeUrl) => {
    const made = await cellPrepare({
      ...{ name, homeUrl, cellUrl: database, homeUrlFromCell: homeFromCell },
    })
    say(
      made.isNew
        ? `${name} is a cell now (${made.id}), with a copy of what belongs to home`
        : `${name} is a cell (${made.id}) as before; what was missing was made`,
    )
    say('Tell the API of it with the setting cells (NEPHO_CELLS), and start the roles conductor,')
    say(`scheduler and agent with its database, its broker and NEPHO_CELL=${name}.`)
  })
}

export function listCells(config: Home, say: Say): Promise<void> {
  return withDatabase(config, (url) =>
    withoutSecrets([url], async () => {
      const states = await inSession(url, 'home', cellStates)
      const rows = states.map((cell) => [
        cell.name,
        cell.enabled ? 'yes' : 'no',
        cell.state,
        lagOf(cell),
      ])
      for (const line of columns([['NAME', 'ENABLED', 'STATE', 'LAG'], ...rows])) say(line)
    }),
  )
}

function lagOf({ state, lagBytes, lagSeconds }: CellState): string {
  if (state === 'home') return ''
  if (lagBytes === null) return 'unknown'
  const seconds = lagSeconds === null ? '' : `, ${lagSeconds.toFixed(1)} s`
  return `${lagBytes} bytes${seconds}`
}

export interface CellRemoveOptions {
  name: string
  /** Default: that of the setting `cells`. */
  database?: string
}

export function removeCell(
  config: Home & Pick<Config, 'cells'>,
  { name, database }: CellRemoveOptions,
  say: Say,
): Promise<void> {
  const cellUrl =
    database ?? config.cells.find((one) => one.name === name)?.databaseUrl.reveal() ?? null
  if (!cellUrl) {
    throw new Error(`the setting cells does not know ${name}: name its database with --database`)
  }
  return withDatabase(config, async (homeUrl) => {
    await cellRemove({ name, homeUrl, cellUrl })
    say(`${name} is no cell any longer; its database is still there, and nobody needs it`)
  })
}
