/** What operators say of hosts: enabled or not, dead, with traits and amounts of their own. And their end. */
import type { Host } from '../../prisma/generated/client.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context } from '../context.ts'
import { changed } from '../core/audit.ts'
import { emit } from '../core/event.ts'
import { badInput, CloudError, notFound } from '../errors.ts'
import { checkVersion, given, updateRow } from '../versioned.ts'
import { hostEvent, hostRemember } from './host.ts'

export interface HostInventoryChange {
  resource: string
  allocationRatio?: number | null
  reserved?: bigint | null
}

export interface HostUpdate extends CommandInput {
  id: string
  ifVersion?: number | null
  enabled?: boolean | null
  disabledReason?: string | null
  forcedDown?: boolean | null
  customTraits?: string[] | null
  inventory?: HostInventoryChange[] | null
}

export const MAX_CUSTOM_TRAITS = 100
export const MAX_ALLOCATION_RATIO = 1000
const CUSTOM_TRAIT = /^CUSTOM_[A-Z0-9_]{1,248}$/
const MAX_LISTED = 50

/** Throws NOT_FOUND. */
export async function findHost(c: Command, id: string): Promise<Host> {
  const host = await c.tx.host.findUnique({ where: { id } })
  if (!host) throw notFound('host', id)
  return host
}

const viewOf = ({ enabled, disabledReason, forcedDown, maintenance, customTraits }: Host) => ({
  ...{ enabled, disabledReason, forcedDown, maintenance, customTraits },
})

/** Writes the event and the audit entry of a change; `after` is null when it is gone. */
export async function hostTold(
  c: Command,
  before: Host,
  after: Host | null,
  more: object = {},
): Promise<void> {
  const event = hostEvent(before.id, after ? 'updated' : 'deleted')
  await emit(c.tx, { ...event, userId: c.actor.userId, requestId: c.requestId })
  c.audit({
    resourceType: 'host',
    resourceId: before.id,
    resourceName: before.name,
    ...changed(viewOf(before), after && { ...viewOf(after), ...more }),
  })
}

export const hostUpdate: (ctx: Context, input: HostUpdate) => Promise<{ id: string }> = command(
  'compute.host.update',
  async (c, { id, ifVersion, enabled, disabledReason, forcedDown, customTraits, inventory }) => {
    const before = await findHost(c, id)
    checkVersion(before, ifVersion)
    if (enabled && before.maintenance) {
      throw new CloudError('INVALID_STATE', 'It is in maintenance: end that first', {
        allowedStatuses: ['not in maintenance'],
      })
    }
    for (const trait of customTraits ?? []) {
      if (!CUSTOM_TRAIT.test(trait)) {
        throw bad('customTraits', `${trait} is no CUSTOM_ trait: CUSTOM_ and A to Z, 0 to 9, _`)
      }
    }
    const data = {
      ...given({ enabled, forcedDown }),
      ...(customTraits && { customTraits: [...new Set(customTraits)].sort() }),
      ...(enabled ? { disabledReason: null } : given({ disabledReason })),
      // It is UP again when it is heard of.
      ...(forcedDown && { status: 'DOWN' }),
      generation: { increment: 1 },
    }
    await updateRow(c.tx.host, before, data, c.at)
    for (const change of inventory ?? []) await setInventory(c, id, change)
    await hostTold(c, before, await findHost(c, id), inventory?.length ? { inventory: true } : {})
    return { id }
  },
)

async function setInventory(
  c: Command,
  hostId: string,
  { resource, allocationRatio, reserved }: HostInventoryChange,
): Promise<void> {
  const where = { hostId_resource: { hostId, resource } }
  const row = await c.tx.inventory.findUnique({ where })
  if (!row) throw bad('inventory', `the host has no ${resource}`)
  if (reserved != null && (reserved < 0n || reserved > row.total)) {
    throw bad('inventory', `of ${resource} the host has ${row.total}: it can not keep ${reserved}`)
  }
  if (
    allocationRatio != null &&
    !(allocationRatio > 0 && allocationRatio <= MAX_ALLOCATION_RATIO)
  ) {
    throw bad('inventory', `an allocation ratio is above 0, at most ${MAX_ALLOCATION_RATIO}`)
  }
  await c.tx.inventory.update({ where, data: given({ allocationRatio, reserved }) })
}

const bad = (field: string, message: string): CloudError =>
  badInput(field, message, `${field}: ${message}`)

/** Only of one that is gone, and holds nothing. It comes back only with a join token. */
export const hostDelete: (
  ctx: Context,
  input: CommandInput & { id: string; ifVersion?: number | null },
) => Promise<{ id: string }> = command('compute.host.delete', async (c, { id, ifVersion }) => {
  // Whoever places on it claims under its generation: none comes any more.
  await c.tx.$executeRaw`select from compute.host where id = ${id}::uuid for update`
  const host = await findHost(c, id)
  checkVersion(host, ifVersion)
  if (host.status !== 'DOWN') {
    throw new CloudError(
      'INVALID_STATE',
      'It is UP: stop its agent first, or say that it is dead',
      {
        allowedStatuses: ['DOWN'],
      },
    )
  }
  const servers = await c.tx.server.findMany({
    where: { OR: [{ hostId: id }, { allocations: { some: { hostId: id } } }] },
    select: { id: true, name: true },
    take: MAX_LISTED,
  })
  if (servers.length > 0) {
    throw new CloudError('IN_USE', 'It has servers, or what they would go back to', {
      resources: servers.map((server) => ({ type: 'server', ...server })),
    })
  }
  await c.tx.host.delete({ where: { id } })
  await hostRemember(c.tx, host.name, c.at)
  await hostTold(c, host, null)
  return { id }
})
