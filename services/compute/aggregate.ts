/**
 * Aggregates: hosts with something in common, said by metadata that placement reads; with a zone they
 * are an availability zone.
 *
 * G1 A host is in one zone: all its aggregates that have one have the same.
 * G2 A host's zone does not change under servers that asked for another one.
 * G3 What placement decides on changes with the host's generation, before anything is checked: a claim
 *    on an older picture fails, and one that came first is seen by the check.
 */
import type { Aggregate } from '../../prisma/generated/client.ts'
import { type Command, type CommandInput, command } from '../command.ts'
import type { Context } from '../context.ts'
import { changed } from '../core/audit.ts'
import { emit } from '../core/event.ts'
import { tell, telling } from '../core/tell.ts'
import { badInput, CloudError, type ErrorDetails, notFound } from '../errors.ts'
import { newId } from '../id.ts'
import { checkVersion, givenOrNone, orTaken, updateRow } from '../versioned.ts'
import { hostEvent } from './host.ts'

const MAX_LISTED = 50
/** Nova's limit. */
const MAX_METADATA = 128
const KEY = /^[\w.:-]{1,255}$/
const MAX_VALUE_LENGTH = 255
/** No colon: it stands between zone and host where a server is asked for. */
const ZONE = /^[^:\p{Cc}]{1,255}$/u

export interface AggregateCreate extends CommandInput {
  name: string
  availabilityZone?: string | null
  metadata?: Record<string, string> | null
}

type Done = Promise<{ id: string }>

const viewOf = ({ name, availabilityZone, metadata }: Aggregate) => ({
  name,
  availabilityZone,
  metadata,
})

async function told(
  c: Command,
  before: Aggregate | null,
  after: Aggregate | null,
  more: { before?: object; after?: object } = {},
): Promise<void> {
  const { id, name } = (after ?? before) as Aggregate
  const views = changed(before && viewOf(before), after && viewOf(after))
  const change = telling(null, {
    resourceType: 'aggregate',
    resourceId: id,
    resourceName: name,
    before: views.before && { ...views.before, ...more.before },
    after: views.after && { ...views.after, ...more.after },
  })
  await tell(c, change)
}

const inUse = (message: string, resources: ErrorDetails['resources']): CloudError =>
  new CloudError('IN_USE', message, { resources: resources ?? [] })

function checkWords({ availabilityZone, metadata }: Partial<AggregateCreate>): void {
  if (availabilityZone && !ZONE.test(availabilityZone)) {
    throw badInput('availabilityZone', 'must have 1 to 255 characters, and no colon')
  }
  const pairs = Object.entries(metadata ?? {})
  if (pairs.length > MAX_METADATA) throw badInput('metadata', `takes at most ${MAX_METADATA} pairs`)
  for (const [key, value] of pairs) {
    if (!KEY.test(key))
      throw badInput('metadata', `has the key ${key}: keys are letters, digits and ._:- up to 255`)
    if (value.length > MAX_VALUE_LENGTH || /\0/.test(value)) {
      throw badInput('metadata', `${key}: takes at most ${MAX_VALUE_LENGTH} characters`)
    }
  }
}

/** Found, and kept from changing until the transaction ends. */
async function find(c: Command, id: string): Promise<Aggregate> {
  await c.tx.$executeRaw`select from compute.aggregate where id = ${id}::uuid for no key update`
  const aggregate = await c.tx.aggregate.findUnique({ where: { id } })
  if (!aggregate) throw notFound('aggregate', id)
  return aggregate
}

export const aggregateCreate: (ctx: Context, input: AggregateCreate) => Done = command(
  'compute.aggregate.create',
  async (c, { name, availabilityZone, metadata }) => {
    checkWords({ availabilityZone: availabilityZone ?? null, metadata: metadata ?? null })
    const aggregate = await orTaken(
      c.tx.aggregate.create({
        data: {
          id: newId(),
          name,
          availabilityZone: availabilityZone || null,
          metadata: metadata ?? {},
          createdAt: c.at,
          updatedAt: c.at,
        },
      }),
      'aggregate',
      name,
    )
    await told(c, null, aggregate)
    return { id: aggregate.id }
  },
)

export interface AggregateUpdate extends CommandInput {
  id: string
  ifVersion?: number | null
  name?: string | null
  availabilityZone?: string | null
  metadata?: Record<string, string> | null
}

/** An empty zone takes the zone away; metadata is replaced as a whole. */
export const aggregateUpdate: (ctx: Context, input: AggregateUpdate) => Done = command(
  'compute.aggregate.update',
  async (c, { id, ifVersion, name, availabilityZone, metadata }) => {
    checkWords({ availabilityZone: availabilityZone ?? null, metadata: metadata ?? null })
    const before = await find(c, id)
    checkVersion(before, ifVersion)
    const data = {
      ...(name != null && { name }),
      ...givenOrNone({ availabilityZone }),
      ...(metadata != null && { metadata }),
    }
    const hosts = await c.tx.aggregateHost.findMany({ where: { aggregateId: id } })
    const hostIds = hosts.map(({ hostId }) => hostId)
    await touchHosts(c, hostIds)
    await orTaken(updateRow(c.tx.aggregate, before, data, c.at), 'aggregate', name ?? before.name)
    if ((availabilityZone ?? null) !== null) await checkZones(c, hostIds)
    await told(c, before, await c.tx.aggregate.findUniqueOrThrow({ where: { id } }))
    return { id }
  },
)

/** Only an empty one. */
export const aggregateDelete: (
  ctx: Context,
  input: CommandInput & { id: string; ifVersion?: number | null },
) => Done = command('compute.aggregate.delete', async (c, { id, ifVersion }) => {
  const aggregate = await find(c, id)
  checkVersion(aggregate, ifVersion)
  const hosts = await c.tx.aggregateHost.findMany({
    where: { aggregateId: id },
    take: MAX_LISTED,
    select: { host: { select: { id: true, name: true } } },
  })
  if (hosts.length > 0) {
    throw inUse(
      'There are hosts in the aggregate: take them out first',
      hosts.map(({ host }) => ({ type: 'host', ...host })),
    )
  }
  await c.tx.aggregate.delete({ where: { id } })
  await told(c, aggregate, null)
  return { id }
})

export interface AggregateHostChange extends CommandInput {
  id: string
  ifVersion?: number | null
  hostId: string
}

/** Adding a host that is in it already, or taking out one that is not, changes nothing. */
const hostChange = (isIn: boolean): ((ctx: Context, input: AggregateHostChange) => Done) =>
  command(
    'compute.aggregate.update',
    async (c, { id, ifVersion, hostId }) => {
      const before = await find(c, id)
      checkVersion(before, ifVersion)
      const host = await c.tx.host.findUnique({ where: { id: hostId }, select: { name: true } })
      if (!host) throw notFound('host', hostId)
      const row = { aggregateId: id, hostId }
      await touchHosts(c, [hostId])
      const { count } = isIn
        ? await c.tx.aggregateHost.createMany({ data: [row], skipDuplicates: true })
        : await c.tx.aggregateHost.deleteMany({ where: row })
      if (count === 0) return { id }
      if (before.availabilityZone) await checkZones(c, [hostId])
      await updateRow(c.tx.aggregate, before, {}, c.at)
      const after = await c.tx.aggregate.findUniqueOrThrow({ where: { id } })
      const named = { host: host.name }
      await told(c, before, after, isIn ? { after: named } : { before: named })
      return { id }
    },
    `compute.aggregate.host-${isIn ? 'add' : 'remove'}`,
  )

export const aggregateHostAdd = hostChange(true)
export const aggregateHostRemove = hostChange(false)

/** G3, with the events of the hosts: their zone and aggregates are part of how they are shown. */
async function touchHosts(c: Command, hostIds: string[]): Promise<void> {
  if (hostIds.length === 0) return
  await c.tx.$executeRaw`
    with held as (
      select id from compute.host where id = any (${hostIds}::uuid[]) order by id for no key update)
    update compute.host h
    set generation = h.generation + 1, version = h.version + 1, updated_at = ${c.at}
    from held where h.id = held.id`
  await emit(
    c.tx,
    ...hostIds.map((id) => ({ ...hostEvent(id, 'updated'), requestId: c.requestId })),
  )
}

/** G1 and G2, of these hosts as they now are. */
async function checkZones(c: Command, hostIds: string[]): Promise<void> {
  const { defaultZone } = c.placement.settings
  const torn = await c.tx.$queryRaw<{ id: string; name: string }[]>`
    select h.id, h.name from compute.host h
      join compute.aggregate_host ah on ah.host_id = h.id
      join compute.aggregate a on a.id = ah.aggregate_id
    where h.id = any (${hostIds}::uuid[]) and a.availability_zone is not null
    group by h.id having count(distinct a.availability_zone) > 1
    order by h.name limit ${MAX_LISTED}::int`
  if (torn.length > 0) {
    throw inUse(
      'A host can be in one availability zone only, and is in another one by another aggregate',
      torn.map((host) => ({ type: 'host', ...host })),
    )
  }
  const stranded = await c.tx.$queryRaw<{ id: string; name: string }[]>`
    select s.id, s.name from compute.server s
    where s.host_id = any (${hostIds}::uuid[])
      and s.availability_zone <> coalesce(
        (select min(a.availability_zone) from compute.aggregate_host ah
           join compute.aggregate a on a.id = ah.aggregate_id
         where ah.host_id = s.host_id), ${defaultZone}::text)
    order by s.id limit ${MAX_LISTED}::int`
  if (stranded.length > 0) {
    throw inUse(
      'There are servers that asked for the zone that their host would leave: move them first',
      stranded.map((server) => ({ type: 'server', ...server })),
    )
  }
}
