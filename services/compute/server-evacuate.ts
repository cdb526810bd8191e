/** Bringing servers of a dead host up elsewhere, from their images. */
import type { Command } from '../command.ts'
import type { Context } from '../context.ts'
import { CloudError } from '../errors.ts'
import { diskImage, type ImageForHost } from './image-for-host.ts'
import { type MoveTaskInput, migrationBegin, moveAction, moveInput } from './migration.ts'
import type { LockedServer, ServerResult } from './server.ts'
import type { ServerActionRequest } from './server-action.ts'
import { destinationOf, movePlan } from './server-move.ts'

export interface ServerEvacuateTo extends ServerActionRequest {
  /** Only there. */
  hostId?: string | null
}

export interface EvacuateTaskInput extends MoveTaskInput {
  image: ImageForHost
}

const evacuate = moveAction(
  'evacuate',
  'server.evacuate',
  async (c, server, { hostId }: ServerEvacuateTo) => {
    await requireDead(c, server)
    const image = await diskImage(c.tx, server.imageId)
    if (!image) {
      const message = 'Its image is gone: there is nothing to make a new disk of'
      throw new CloudError('INVALID_STATE', message, { allowedStatuses: ['ACTIVE'] })
    }
    const onlyHost = hostId ? await destinationOf(c, server, hostId) : undefined
    const { migrationId, from } = await migrationBegin(c, server, { kind: 'EVACUATION' })
    const move = { migrationId, from, to: from, ...(onlyHost && { onlyHost }) }
    return {
      task: { ...moveInput(c, move), image },
      ...(c.dryRun && {
        plan: await movePlan(c, server, { kind: 'EVACUATION', onlyHost: onlyHost ?? null }),
      }),
    }
  },
)

/** What still answers may still run: its servers can be migrated. */
async function requireDead(c: Command, { hostId }: LockedServer): Promise<void> {
  const host = await c.tx.host.findUnique({
    where: { id: hostId ?? '' },
    select: { status: true, forcedDown: true },
  })
  if (!host || host.status === 'DOWN' || host.forcedDown) return
  const message =
    'Its host is up: migrate the server, or say first that the host is dead (hostUpdate forcedDown)'
  throw new CloudError('INVALID_STATE', message, { allowedStatuses: ['DOWN'] })
}

export const serverEvacuate = (ctx: Context, input: ServerActionRequest): Promise<ServerResult> =>
  evacuate(ctx, input)
export const serverEvacuateTo: (ctx: Context, input: ServerEvacuateTo) => Promise<ServerResult> =
  evacuate
