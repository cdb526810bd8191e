/** Moving servers to other hosts: turned off and carried, or while they run. */
import { allow } from '../access/allow.ts'
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { CloudError } from '../errors.ts'
import { migrationBegin, moveAction, moveInput, openMigrationOf } from './migration.ts'
import type { MigrationKind } from './migration-status.ts'
import type { LockedServer, ServerResult } from './server.ts'
import type { Prepared, ServerActionRequest } from './server-action.ts'
import { destinationOf, movePlan, requireTrait } from './server-move.ts'

export interface ServerMigrateTo extends ServerActionRequest {
  /** Only there. */
  hostId?: string | null
}

const MIGRATE_TO = 'compute.server.migrate-to'

const cold = moveAction('migrate', 'server.migrate', (c, server, input: ServerMigrateTo) =>
  prepareMove(c, server, 'MIGRATION', input.hostId),
)
export const serverMigrate = (ctx: Context, input: ServerActionRequest): Promise<ServerResult> =>
  cold(ctx, input)
export const serverMigrateTo: (ctx: Context, input: ServerMigrateTo) => Promise<ServerResult> = cold

export const serverLiveMigrate = moveAction(
  'liveMigrate',
  'server.live-migrate',
  (c, server, input: ServerMigrateTo) => prepareMove(c, server, 'LIVE_MIGRATION', input.hostId),
)

/** What begins a move, whoever asks for it. */
export async function prepareMove(
  c: Command,
  server: LockedServer,
  kind: Extract<MigrationKind, 'MIGRATION' | 'LIVE_MIGRATION'>,
  hostId: string | null | undefined,
): Promise<Prepared> {
  if (hostId) allow(c, MIGRATE_TO, {})
  const [trait, doing] =
    kind === 'MIGRATION' ? (['cold', 'migrated'] as const) : (['live', 'migrated live'] as const)
  await requireTrait(c, server, trait, doing)
  const onlyHost = hostId ? await destinationOf(c, server, hostId) : undefined
  const { migrationId, from } = await migrationBegin(c, server, { kind })
  const given = { migrationId, from, to: from, ...(onlyHost && { onlyHost }) }
  return {
    task: moveInput(c, given),
    ...(c.dryRun && { plan: await movePlan(c, server, { kind, onlyHost: onlyHost ?? null }) }),
  }
}

export const serverMigrationAbort = moveAction(
  'migrationAbort',
  'server.migration-abort',
  async (c, server) => {
    const migration = await openMigrationOf(c.tx, server.id)
    if (migration.status !== 'RUNNING') {
      const message = 'Too late: it has arrived at the other host'
      throw new CloudError('INVALID_STATE', message, { allowedStatuses: ['RUNNING'] })
    }
    return { task: { migrationId: migration.id } }
  },
)
