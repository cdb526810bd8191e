/**
 * Migrations: how servers move between hosts and sizes. A row is open while it is RUNNING or FINISHED:
 * then both ends hold what they need.
 *
 * R1 A server has one open migration at most: its task, or its status, is the lock.
 * R2 The server's allocation is that of where it goes; what it still holds where it comes from is its
 *    migration's (allocation.ts A3).
 * R3 The server's quota claim is what its row says; what it takes to go back to the old size is the
 *    migration's claim, and is given back with its end.
 */
import type { Migration } from '../../prisma/generated/client.ts'
import { inProject } from '../access/allow.ts'
import { type Command, command } from '../command.ts'
import type { Context, Tx } from '../context.ts'
import { type EventDraft, emit } from '../core/event.ts'
import { CloudError } from '../errors.ts'
import { newId } from '../id.ts'
import { quotaRelease } from '../identity/quota-claim.ts'
import { allocationHandOver, allocationRelease } from './allocation.ts'
import { type MigrationKind, type MigrationStatus, openMigrations } from './migration-status.ts'
import { type ServerAction, serverActions } from './server.states.ts'
import { type LockedServer, lockServer, type ServerResult, type ServerTaskInput } from './server.ts'
import { allowOn, begin, type Prepare, type ServerActionRequest } from './server-action.ts'
import type { ServerTaskKind } from './server-tasks.ts'

/** What a server is built with: of its row, of its flavor. */
export interface Size {
  flavorId: string
  vcpus: number
  memoryMiB: number
  diskGiB: number
  extraSpecs: Record<string, string>
}

/** What the tasks know that move servers. */
export interface MoveTaskInput extends ServerTaskInput {
  migrationId: string
  from: Size
  to: Size
  /** The only host that will do, by name. */
  onlyHost: string | null
  /** When it awaits its confirmation: confirmed by itself after so long; null: never. */
  confirmSeconds: number | null
}

/** An action that moves a server: operators move those of every project. */
export function moveAction<I extends ServerActionRequest>(
  name: ServerAction,
  kind: ServerTaskKind,
  prepare: Prepare<I>,
): (ctx: Context, input: I) => Promise<ServerResult> {
  return command(
    serverActions[name].rule,
    async (c, input) => {
      const server = await movable(c, input)
      return begin(c, name, kind, server, () => prepare(c, server, input))
    },
    `compute.server.${name}`,
  )
}

/** What the task of a move is told. */
export const moveInput = (
  c: Command,
  given: Pick<MoveTaskInput, 'migrationId' | 'from' | 'to'> & { onlyHost?: string },
): Omit<MoveTaskInput, 'host' | 'before'> => ({
  migrationId: given.migrationId,
  from: given.from,
  to: given.to,
  onlyHost: given.onlyHost ?? null,
  confirmSeconds: c.compute.resizeConfirmSeconds || null,
})

/** A server within the caller's reach, locked in the database. */
async function movable(c: Command, input: ServerActionRequest): Promise<LockedServer> {
  const { projectId, domainId, userId } = c.reach
  const everywhere = projectId === null && domainId === null && userId === null
  const server = everywhere
    ? await lockServer(c.tx, { projectId: null }, input.id)
    : await lockServer(c.tx, inProject(c), input.id)
  allowOn(c, server, input)
  return server
}

/** Who begins a move: a command, or a task that moves several. */
export interface Beginner {
  tx: Tx
  at: Date
  /** Of the task that moves it. */
  taskId: string
  requestId: string | null
  actor: { userId: string | null }
}

interface Beginning {
  kind: MigrationKind
  newFlavorId?: string
}

/** Writes the row of a move that begins; its id, and the size that the server had. */
export async function migrationBegin(
  c: Beginner,
  server: LockedServer,
  { kind, newFlavorId }: Beginning,
): Promise<{ migrationId: string; from: Size }> {
  const id = newId()
  const from = await sizeOf(c.tx, server)
  await c.tx.migration.create({
    data: {
      id,
      kind,
      serverId: server.id,
      projectId: server.projectId,
      status: 'RUNNING',
      sourceHostId: server.hostId,
      oldFlavorId: server.flavorId,
      newFlavorId: newFlavorId ?? server.flavorId,
      oldSize: { ...from },
      beforeStatus: server.status,
      taskId: c.taskId,
      userId: c.actor.userId,
      createdAt: c.at,
      updatedAt: c.at,
    },
  })
  const event = migrationEvent({ id, projectId: server.projectId }, 'created', c.requestId)
  await emit(c.tx, { ...event, userId: c.actor.userId })
  return { migrationId: id, from }
}

/** The size that a server has by its row. */
async function sizeOf(tx: Tx, server: LockedServer): Promise<Size> {
  const { extraSpecs } = await tx.server.findUniqueOrThrow({
    where: { id: server.id },
    select: { extraSpecs: true },
  })
  const { flavorId, vcpus, memoryMiB, diskGiB } = server
  return { flavorId, vcpus, memoryMiB, diskGiB, extraSpecs: extraSpecs as Size['extraSpecs'] }
}

/** The open migration of a server; INVALID_STATE when there is none. */
export async function openMigrationOf(tx: Tx, serverId: string): Promise<Migration> {
  const migration = await tx.migration.findFirst({
    where: { serverId, status: { in: [...openMigrations] } },
    orderBy: { id: 'desc' },
  })
  if (migration) return migration
  throw new CloudError('INVALID_STATE', 'The server is not on its way anywhere', {
    allowedStatuses: [...openMigrations],
  })
}

/** Writes what became of a migration, with its event. */
export async function migrationSet(
  tx: Tx,
  id: string,
  set: { status?: MigrationStatus } & Record<string, unknown>,
  { at, requestId }: { at: Date; requestId: string | null },
): Promise<void> {
  const data = { ...set, updatedAt: at, version: { increment: 1 } }
  const { projectId } = await tx.migration.update({ where: { id }, data })
  await emit(tx, migrationEvent({ id, projectId }, 'updated', requestId))
}

/** The way there is given up: the server has its old place again (R2, R3). */
export async function migrationGiveBack(
  tx: Tx,
  { id, serverId }: Pick<Migration, 'id' | 'serverId'>,
): Promise<void> {
  const kept = await tx.allocation.count({ where: { consumerId: id } })
  // Nothing was handed over: what the server holds is its old place.
  if (kept === 0) return
  await allocationRelease(tx, serverId, serverId)
  await allocationHandOver(tx, serverId, id, serverId)
}

/** The way back is given up: what the migration still held of the old place and size is free. */
export async function migrationLetGo(
  tx: Tx,
  { id, serverId }: Pick<Migration, 'id' | 'serverId'>,
): Promise<void> {
  await allocationRelease(tx, serverId, id)
  await quotaRelease(tx, id)
}

/** Before a server goes for good: what its migrations hold of quotas goes first, and watchers are told. */
export async function migrationsGo(
  tx: Tx,
  serverId: string,
  requestId: string | null,
): Promise<void> {
  const migrations = await tx.migration.findMany({
    where: { serverId },
    select: { id: true, projectId: true, status: true },
  })
  for (const migration of migrations) {
    if (openMigrations.includes(migration.status as MigrationStatus)) {
      await quotaRelease(tx, migration.id)
    }
  }
  await emit(tx, ...migrations.map((one) => migrationEvent(one, 'deleted', requestId)))
}

export const migrationEvent = (
  { id, projectId }: { id: string; projectId: string },
  what: 'created' | 'updated' | 'deleted',
  requestId: string | null,
): EventDraft => ({
  type: `migration.${what}`,
  resourceType: 'migration',
  resourceId: id,
  projectId,
  requestId,
})
