/** Where the servers of a host would go: the plan of emptying it, and of its failure. Nothing is changed. */
import type { Db, Tx } from '../context.ts'
import type { MigrationKind } from './migration-status.ts'
import { explainInWords, place } from './placement.ts'
import { HostTable } from './placement-hosts.ts'
import { namesPeers, peersOf, placementRequestOf } from './placement-request.ts'
import type { PlacementSettings } from './placement-settings.ts'
import { type HostView, nobody, type PlacementRequest } from './placement-view.ts'
import { type ServerAction, type ServerStatus, serverActions } from './server.states.ts'
import { moveDemands, moveTraits } from './server-move.ts'

/** In which way a server leaves a host; NONE: it can not. */
export const moveWays = ['LIVE', 'COLD', 'EVACUATION', 'NONE'] as const
export type MoveWay = (typeof moveWays)[number]

export interface PlannedMove {
  serverId: string
  way: MoveWay
  /** Where to, as things are now: the host's id; null when there is no place, or no way. */
  hostId: string | null
  /** Why there is none. */
  reason: string | null
}

/** Servers of a host that one plan shows. */
export const MAX_PLANNED = 1000

interface Leaving {
  id: string
  status: ServerStatus
  imageId: string | null
  vcpus: number
  memoryMiB: number
  diskGiB: number
}

const kindOf: Record<Exclude<MoveWay, 'NONE'>, MigrationKind> = {
  LIVE: 'LIVE_MIGRATION',
  COLD: 'MIGRATION',
  EVACUATION: 'EVACUATION',
}

export const actionOf = { LIVE: 'liveMigrate', COLD: 'migrate', EVACUATION: 'evacuate' } as const

/** How a server could leave a host that is up, which has these traits; otherwise why not. */
export function wayOf(
  { status }: Pick<Leaving, 'status'>,
  traits: readonly string[],
): { way: MoveWay; reason: string | null } {
  const can = (action: ServerAction, trait: keyof typeof moveTraits): boolean =>
    serverActions[action].from.includes(status) && traits.includes(moveTraits[trait])
  if (can('liveMigrate', 'live')) return { way: 'LIVE', reason: null }
  if (can('migrate', 'cold')) return { way: 'COLD', reason: null }
  const from = [...serverActions.migrate.from].join(' or ')
  const reason = serverActions.migrate.from.includes(status)
    ? 'its host can move no servers'
    : `it is ${status}; moving needs ${from}`
  return { way: 'NONE', reason }
}

/** How it would come up elsewhere if its host died. */
function wayOut({ status, imageId }: Leaving): { way: MoveWay; reason: string | null } {
  const { from } = serverActions.evacuate
  if (!from.includes(status)) {
    return { way: 'NONE', reason: `it is ${status}; evacuating needs ${from.join(' or ')}` }
  }
  if (!imageId) return { way: 'NONE', reason: 'its image is gone: no new disk can be made' }
  return { way: 'EVACUATION', reason: null }
}

/** Places the servers of a host on the others, one after the other, in memory. */
export async function movesAway(
  db: Db | Tx,
  settings: PlacementSettings,
  hostId: string,
  why: 'maintenance' | 'failure',
): Promise<PlannedMove[]> {
  const host = await db.host.findUniqueOrThrow({ where: { id: hostId } })
  const servers = (await db.server.findMany({
    where: { hostId },
    select: {
      ...{ id: true, status: true, imageId: true },
      ...{ vcpus: true, memoryMiB: true, diskGiB: true },
    },
    // The largest first: what is small finds a place more easily.
    orderBy: [{ memoryMiB: 'desc' }, { id: 'asc' }],
    take: MAX_PLANNED,
  })) as Leaving[]
  const table = new HostTable(db as Db, settings)
  await table.refresh()
  const views = table.all().map(copyOf)
  const moves: PlannedMove[] = []
  for (const server of servers) {
    const { way, reason } = why === 'failure' ? wayOut(server) : wayOf(server, host.traits)
    const move = { serverId: server.id, way, hostId: null, reason }
    if (way === 'NONE') {
      moves.push(move)
      continue
    }
    const more = await moveDemands(db, server.id, { kind: kindOf[way], source: host.name })
    const request = await placementRequestOf(db, server.id, more)
    moves.push({ ...move, ...(await placeIn(db, views, request, settings)) })
  }
  return moves
}

const copyOf = (host: HostView): HostView => ({
  ...host,
  inventory: host.inventory.map((one) => ({ ...one })),
})

/** The place, which counts as taken from then on. */
async function placeIn(
  db: Db | Tx,
  views: HostView[],
  request: PlacementRequest,
  settings: PlacementSettings,
): Promise<Pick<PlannedMove, 'hostId' | 'reason'>> {
  const peers = namesPeers(request) ? await peersOf(db, request) : nobody
  const { ranked, explanation } = place(views, request, { peers, settings })
  const [host] = ranked
  if (!host) return { hostId: null, reason: explainInWords(explanation) }
  for (const inventory of host.inventory) {
    inventory.used += request.resources[inventory.resource] ?? 0
  }
  return { hostId: host.id, reason: null }
}
