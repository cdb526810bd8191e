/**
 * The cells of an API process: a client, a relay of events and a caller for each, and whether it answers.
 *
 * CL1 A cell that fails once is left alone until a probe finds it up again: nobody waits for it twice.
 * CL2 A resource never changes its cell, so where one is, is remembered.
 */
import type { Logger } from 'pino'
import {
  type Cell,
  type CelledResource,
  type Cells,
  HOME_CELL,
  type MissingCell,
} from '../../services/cells/cells.ts'
import { makePlacer } from '../../services/compute/placement-placer.ts'
import type { PlacementSettings } from '../../services/compute/placement-settings.ts'
import type { Cloud, Db, HostConsoles } from '../../services/context.ts'
import { CloudError } from '../../services/errors.ts'
import type { Bus } from '../../workers/bus.ts'
import { type Caller, makeCaller } from '../../workers/call.ts'
import { ringer } from '../../workers/conductor/conductor.ts'
import { within } from '../../workers/pause.ts'
import { openDatabase } from '../database/client.ts'
import { type EventRelay, startEventRelay } from '../event-relay.ts'
import { hostConsoles } from '../host-consoles.ts'
import { type Part, type Parts, readAll, unavailable } from './reads.ts'

/** How long a cell has for an answer. */
const ANSWER_MS = 5_000
const PROBE_MS = 2_000
/** Places that are remembered. */
const MAX_REMEMBERED = 50_000

/** What a process is told of a cell. */
export interface CellOptions {
  name: string
  databaseUrl: string
  bus: Bus
}

export interface OpenCells {
  cells: Cells
  /** Reads of all of them. */
  db: Db
  consoles: HostConsoles
  /** Home's own included. */
  relays: { name: string; relay: EventRelay }[]
  /** The caller of the cell that a server is in. */
  callerOf(serverId: string): Promise<Caller>
  /** Those besides home. */
  others: readonly (Cell & { bus: Bus })[]
  close(): Promise<void>
}

interface Opening {
  home: Pick<Cloud, 'db' | 'ring' | 'placement' | 'consoles'> & {
    relay: EventRelay
    caller: Caller
  }
  settings: readonly CellOptions[]
  placement: PlacementSettings
  log: Logger
  onQuery(sql: string): void
}

/** Opens what is told of; a cell that `nepho cell create` has not made is refused. */
export async function openCells({
  home,
  settings,
  placement,
  log,
  onQuery,
}: Opening): Promise<OpenCells> {
  const names = settings.map(({ name }) => name)
  const rows = await home.db.cell.findMany({
    where: { OR: [{ id: HOME_CELL }, { name: { in: names } }] },
  })
  const idOf = new Map(rows.map(({ id, name }) => [name, id]))
  const unknown = names.find((name) => !idOf.has(name))
  if (unknown) throw new Error(`There is no cell ${unknown}: nepho cell create makes it`)
  const homeName = rows.find(({ id }) => id === HOME_CELL)?.name ?? 'home'
  const first: OpenCell = {
    ...{ id: HOME_CELL, name: homeName, db: home.db, ring: home.ring, relay: home.relay },
    ...{ placement: home.placement, consoles: home.consoles, caller: home.caller, down: null },
    ask: (read) => read(home.db),
    close: async () => {},
  }
  const others: (OpenCell & { bus: Bus })[] = []
  for (const { name, databaseUrl, bus } of settings) {
    others.push(
      await openCell({ id: idOf.get(name) ?? '', name, databaseUrl, bus, placement, log, onQuery }),
    )
  }
  const all = [first, ...others]
  const parts: Parts = {
    all: () => all,
    missing: () => all.flatMap(({ name, down }) => (down ? [{ cell: name, ...down }] : [])),
  }
  const cells = findingCells(all, parts)
  const inCellOf = async (serverId: string): Promise<OpenCell> => {
    const cell = await cells.find('server', serverId)
    return all.find(({ id }) => id === cell?.id) ?? first
  }
  return {
    cells,
    db: readAll(home.db, parts),
    consoles: {
      log: async (host, id, lines) => (await inCellOf(id)).consoles.log(host, id, lines),
      screenshot: async (host, id) => (await inCellOf(id)).consoles.screenshot(host, id),
    },
    relays: all.map(({ name, relay }) => ({ name, relay })),
    callerOf: async (serverId) => (await inCellOf(serverId)).caller,
    others,
    close: async () => {
      await Promise.all(others.map((cell) => cell.close()))
    },
  }
}

interface OpenCell extends Cell, Part {
  relay: EventRelay
  caller: Caller
  /** Since when it does not answer. */
  down: Omit<MissingCell, 'cell'> | null
  close(): Promise<void>
}

interface CellOpening extends CellOptions, Pick<Opening, 'placement' | 'log' | 'onQuery'> {
  id: string
}

async function openCell(opening: CellOpening): Promise<OpenCell & { bus: Bus }> {
  const { id, name, databaseUrl, bus, placement, onQuery } = opening
  const log = opening.log.child({ cell: name })
  const database = openDatabase({
    url: databaseUrl,
    onQuery,
    onConnectionError: (err) => log.warn({ err }, 'a database connection of the cell broke'),
  })
  const db = database.prisma
  const caller = await makeCaller(bus, { name: `cell ${name}`, log })
  const relay = await startEventRelay(db, databaseUrl, log, { mayBeDown: true })
  const cell: OpenCell & { bus: Bus } = {
    ...{ id, name, db, bus, caller, relay, down: null },
    ring: ringer(bus, log),
    placement: makePlacer(db, placement),
    consoles: hostConsoles(caller),
    async ask(read) {
      if (cell.down) return undefined
      try {
        return await within(ANSWER_MS, read(db), late)
      } catch (error) {
        if (isOurs(error)) throw error
        fails(error)
        return undefined
      }
    },
    async close() {
      clearInterval(probing)
      await relay.stop()
      await caller.close()
      await database.close()
    },
  }
  function fails(error: unknown): void {
    if (cell.down) return
    log.warn({ err: error }, 'a cell does not answer')
    cell.down = { reason: 'its database does not answer', since: new Date() }
  }
  const probe = (): void => {
    within(ANSWER_MS, db.$queryRaw`select 1`, late).then(() => {
      if (cell.down) log.info('a cell answers again')
      cell.down = null
    }, fails)
  }
  const probing = setInterval(probe, PROBE_MS)
  probe()
  return cell
}

const late = (): Error => new Error(`no answer within ${ANSWER_MS} ms`)

/** A request that is wrong is wrong everywhere. */
const isOurs = (error: unknown): boolean =>
  error instanceof CloudError ||
  (error instanceof Error && error.name === 'PrismaClientValidationError')

function findingCells(all: readonly OpenCell[], parts: Parts): Cells {
  const places = new Map<string, OpenCell>()
  const answering = (cell: OpenCell): OpenCell => {
    if (cell.down) throw unavailable({ cell: cell.name })
    return cell
  }
  return {
    up: () => all.filter(({ down }) => !down),
    missing: parts.missing,
    async find(resource, id) {
      const known = places.get(id)
      if (known) return answering(known)
      const found = await Promise.all(all.map((cell) => has(cell, resource, id)))
      const at = all.find((_, i) => found[i])
      if (!at) {
        const [missing] = parts.missing()
        if (missing) throw unavailable(missing)
        return null
      }
      if (places.size >= MAX_REMEMBERED) places.clear()
      places.set(id, at)
      return at
    },
    named(name) {
      const cell = all.find((one) => one.name === name)
      if (cell) return answering(cell)
      throw new CloudError('NOT_FOUND', `There is no cell ${name}`)
    },
  }
}

async function has(cell: OpenCell, resource: CelledResource, id: string): Promise<boolean> {
  const where = { id, ...(resource === 'image' && { cellId: cell.id }) }
  const count = await cell.ask((db) => {
    const delegate = db[resource] as unknown as { count(args: { where: object }): Promise<number> }
    return delegate.count({ where })
  })
  return (count ?? 0) > 0
}
