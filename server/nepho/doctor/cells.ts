/** Whether the cells have what home has. */
import type pg from 'pg'
import { type CellState, cellStates } from '../../cells/list.ts'
import { type Check, type Finding, fail, ok, warn } from './check.ts'

const BEHIND_SECONDS = 30
const BEHIND_BYTES = 256 * 1024 * 1024

async function replication(home: pg.Client): Promise<Finding> {
  const all = await cellStates(home)
  const cells = all.filter(({ state }) => state !== 'home')
  const [first] = cells
  if (!first) return ok('there is one cell')
  // Copied rows: in a cell's own database nobody reads from it.
  const isCell = await home.query(
    `select from pg_subscription where subname like 'nephograph\\_%'
       and subdbid = (select oid from pg_database where datname = current_database())`,
  )
  if (isCell.rows.length > 0) return ok('this is a cell: home looks at it')
  const bad = cells.filter(({ state }) => state !== 'replicating')
  if (bad.length > 0) {
    return fail(
      bad.map(({ name, state }) => `${name} is ${state}`).join('; '),
      "the log of the cell's PostgreSQL says why; one that is lost or missing: nepho cell create again; one that is gone for good holds home's log: remove it",
    )
  }
  const late = cells.filter(isBehind)
  if (late.length === 0) return ok(`${cells.length} follow home`)
  return warn(
    late.map(({ name, lagBytes }) => `${name} is ${lagBytes} bytes behind`).join('; '),
    "look at the load and the log of the cell's PostgreSQL",
  )
}

const isBehind = ({ lagBytes, lagSeconds }: CellState): boolean =>
  (lagBytes ?? 0) > BEHIND_BYTES || (lagSeconds ?? 0) > BEHIND_SECONDS

export const cellChecks: readonly Check[] = [
  { name: 'cells follow home', kind: 'promise', needs: 'database', run: replication },
]
