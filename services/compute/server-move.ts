/** What the moves of servers ask of placement and of hosts; shared by their commands and their tasks. */
import type { Command } from '../command.ts'
import type { Db, Tx } from '../context.ts'
import { badInput, CloudError } from '../errors.ts'
import { quotasOf } from '../identity/quota.ts'
import type { Size } from './migration.ts'
import type { MigrationKind } from './migration-status.ts'
import { demandsOf, placementRequestOf } from './placement-request.ts'
import type { PlacementRequest } from './placement-view.ts'
import { type LockedServer, type Plan, resourcesOf } from './server.ts'

/** Traits by which hosts say that they can (workers/agent/traits.ts). */
export const moveTraits = {
  resize: 'CUSTOM_COMPUTE_RESIZE',
  cold: 'CUSTOM_COMPUTE_MIGRATE_COLD',
  live: 'CUSTOM_COMPUTE_MIGRATE_LIVE',
} as const

/** What each kind of move needs of the host where it ends, when it is another one. */
const traitOf: Record<MigrationKind, string[]> = {
  RESIZE: [moveTraits.cold],
  MIGRATION: [moveTraits.cold],
  LIVE_MIGRATION: [moveTraits.live],
  EVACUATION: [],
}

interface Moving {
  kind: MigrationKind
  /** The host's name that it is on. */
  source: string | null
  to?: Size
  onlyHost?: string | null
}

/** More of the request than the row of a server says that moves. */
export async function moveDemands(
  db: Db | Tx,
  serverId: string,
  { kind, source, to, onlyHost }: Moving,
): Promise<Partial<PlacementRequest>> {
  const { extraSpecs, imageProperties } = await db.server.findUniqueOrThrow({
    where: { id: serverId },
    select: { extraSpecs: true, imageProperties: true },
  })
  const demands = demandsOf(to?.extraSpecs ?? extraSpecs, imageProperties)
  const stays = { host: source ?? '', reason: 'the server is on it' }
  return {
    ...demands,
    requiredTraits: [...demands.requiredTraits, ...traitOf[kind]],
    ...(to && { resources: resourcesOf(to) }),
    ...(kind !== 'RESIZE' && source && { notHosts: [stays] }),
    onlyHost: onlyHost ?? null,
  }
}

/** The plan of a dry run. */
export async function movePlan(
  c: Command,
  server: LockedServer,
  moving: Omit<Moving, 'source'>,
): Promise<Partial<Plan>> {
  const more = await moveDemands(c.tx, server.id, { ...moving, source: server.host })
  const placement = await c.placement.explain(await placementRequestOf(c.tx, server.id, more))
  const quotas = await quotasOf(c.home?.db ?? c.tx, c.region, [server.projectId])
  return { allowed: placement.hostsPassed > 0, quotas, placement }
}

/** The host of a server, which must be able to let it go. */
export async function requireTrait(
  c: Command,
  { hostId }: LockedServer,
  trait: keyof typeof moveTraits,
  doing: string,
): Promise<void> {
  const host = await c.tx.host.findUnique({
    where: { id: hostId ?? '' },
    select: { traits: true, status: true },
  })
  if (host?.status === 'DOWN') {
    const message = `Its host is down: it can not be ${doing} now`
    throw new CloudError('INVALID_STATE', message, { allowedStatuses: ['UP'] })
  }
  if (host && !host.traits.includes(moveTraits[trait])) {
    const message = `Its host can not do it: servers there can not be ${doing}`
    throw new CloudError('INVALID_STATE', message, { allowedStatuses: [moveTraits[trait]] })
  }
}

/** The host where a server is sent, by id: it must be there, and be another one. */
export async function destinationOf(
  c: Command,
  server: LockedServer,
  hostId: string,
): Promise<string> {
  const host = await c.tx.host.findUnique({ where: { id: hostId }, select: { name: true } })
  const wrong = host ? 'The server is on that host' : 'There is no such host'
  if (host && hostId !== server.hostId) return host.name
  throw badInput('hostId', wrong, wrong)
}
