/** Renaming and describing servers: nothing of it waits for work, and none of it stops work. */
import type { Prisma } from '../../prisma/generated/client.ts'
import { command } from '../command.ts'
import type { Context } from '../context.ts'
import { changed } from '../core/audit.ts'
import { emit } from '../core/event.ts'
import { quotasOf } from '../identity/quota.ts'
import { type ActionRow, change, requireState } from '../transition.ts'
import { given, givenOrNone } from '../versioned.ts'
import { type ServerStatus, serverStatuses } from './server.states.ts'
import { type ServerResult, serverEvent } from './server.ts'
import { passesLock, type ServerActionRequest, serverFor } from './server-action.ts'
import { checkedTags, checkMetadata } from './server-words.ts'

export interface ServerUpdate extends ServerActionRequest {
  name?: string | null
  /** Empty: none. */
  description?: string | null
  /** All of it, instead of what is there. */
  metadata?: Record<string, string> | null
  tags?: string[] | null
}

/** In whatever status; what is locked is not even renamed. */
const row: ActionRow<ServerStatus> = {
  rule: 'compute.server.update',
  from: serverStatuses,
  during: null,
  to: 'SAME',
  onFailure: null,
  immediate: true,
}

const shown = { name: true, description: true, metadata: true, tags: true } as const

export const serverUpdate: (ctx: Context, input: ServerUpdate) => Promise<ServerResult> = command(
  row.rule,
  async (c, input) => {
    const server = await serverFor(c, input)
    requireState('update', row, server, { passesLock: passesLock(c, server) })
    const { id, projectId } = server
    const { name, description, metadata, tags } = input
    if (metadata) checkMetadata(metadata)
    const before = await c.tx.server.findUniqueOrThrow({ where: { id }, select: shown })
    const set: Prisma.ServerUncheckedUpdateInput = {
      ...given({ name, metadata, tags: tags && checkedTags(tags) }),
      ...givenOrNone({ description }),
    }
    if (c.dryRun) {
      const quotas = await quotasOf(c.home?.db ?? c.tx, c.region, [projectId])
      return { serverId: id, taskId: null, plan: { allowed: true, quotas, placement: null } }
    }
    await change(c.tx, { resource: 'server', id, where: {}, set, at: c.at })
    const event = serverEvent({ id, projectId, requestId: c.requestId }, 'updated')
    await emit(c.tx, { ...event, userId: c.actor.userId })
    c.audit({
      resourceType: 'server',
      resourceId: id,
      resourceName: name ?? server.name,
      projectId,
      ...changed(before, { ...before, ...set }),
    })
    return { serverId: id, taskId: null, plan: null }
  },
)
