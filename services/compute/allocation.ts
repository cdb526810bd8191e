/**
 * Allocations: what servers hold of hosts.
 *
 * A1 `inventory.used` is the sum of the allocations; both change in one transaction.
 * A2 A claim names the host generation that placement saw. Facts may not have changed since; amounts
 *    are checked by the update itself, so claims on one host need not fight over the generation.
 * A3 A row has a consumer: the server, or a migration that keeps what the server had before it moved.
 * A4 Giving back means deleting the allocation; deleting it twice gives back once.
 * A5 Members of a group claim one after the other: whether a host is too near to the others, or too
 *    far, is asked once nobody else can claim for the group.
 */
import type { Tx } from '../context.ts'
import type { HostView, PlacementRequest } from './placement-view.ts'

/**
 * Claims what a server was placed with; false when the host changed or filled up since it was looked
 * at, or when another member of its group claimed meanwhile (A5).
 */
export async function allocationClaimFor(
  tx: Tx,
  serverId: string,
  host: Pick<HostView, 'id' | 'generation'>,
  { resources, group }: Pick<PlacementRequest, 'resources' | 'group'>,
): Promise<boolean> {
  if (group && !(await groupAllows(tx, serverId, host.id, group))) return false
  return allocationClaim(tx, serverId, host, resources)
}

/** Keeps the rest of the group from claiming, and looks where they are. Soft policies allow all. */
async function groupAllows(
  tx: Tx,
  serverId: string,
  hostId: string,
  { id, policy }: NonNullable<PlacementRequest['group']>,
): Promise<boolean> {
  if (policy !== 'AFFINITY' && policy !== 'ANTI_AFFINITY') return true
  // Not in one statement: the other member's claim is seen by a statement that begins after the wait.
  await tx.$executeRaw`
    select from compute.server_group where id = ${id}::uuid for no key update`
  const others = await tx.$queryRaw<{ isHere: boolean }[]>`
    select distinct a.host_id = ${hostId}::uuid as "isHere"
    from compute.server s join compute.allocation a on a.server_id = s.id
    where s.group_id = ${id}::uuid and s.id <> ${serverId}::uuid`
  if (policy === 'ANTI_AFFINITY') return !others.some(({ isHere }) => isHere)
  return others.length === 0 || others.some(({ isHere }) => isHere)
}

/** Claims the amounts; false when the host changed or filled up since it was looked at. */
export async function allocationClaim(
  tx: Tx,
  serverId: string,
  host: Pick<HostView, 'id' | 'generation'>,
  resources: Record<string, number>,
): Promise<boolean> {
  const names = Object.keys(resources)
  const amounts = Object.values(resources)
  const claimed = await tx.$executeRaw`
    with seen as (
      select id from compute.host
      where id = ${host.id}::uuid and generation = ${host.generation} for no key update),
    taken as (
      update compute.inventory i set used = i.used + w.amount
      from seen, unnest(${names}::text[], ${amounts}::bigint[]) w (resource, amount)
      where i.host_id = seen.id and i.resource = w.resource
        and i.used + w.amount <= floor((i.total - i.reserved) * i.allocation_ratio)
      returning i.resource, w.amount)
    insert into compute.allocation (consumer_id, server_id, host_id, resource, amount)
    select ${serverId}::uuid, ${serverId}::uuid, ${host.id}::uuid, resource, amount from taken`
  return claimed === names.length
}

/**
 * Gives back what a server holds: all of it, or what one consumer (the server itself, or a migration)
 * holds for it.
 */
export async function allocationRelease(
  tx: Tx,
  serverId: string,
  consumerId: string | null = null,
): Promise<void> {
  await tx.$executeRaw`
    with given as (
      delete from compute.allocation
      where server_id = ${serverId}::uuid
        and (${consumerId}::uuid is null or consumer_id = ${consumerId}::uuid)
      returning host_id, resource, amount),
    held as (
      select h.id from compute.host h
      where h.id in (select host_id from given) order by h.id for no key update)
    update compute.inventory i set used = i.used - sum.amount
    from (select host_id, resource, sum(amount) as amount from given group by 1, 2) sum, held
    where i.host_id = held.id and i.host_id = sum.host_id and i.resource = sum.resource`
}

/**
 * Lets another consumer hold what this one does: a server that moves leaves what it holds to its
 * migration, and gets it back when it returns.
 */
export async function allocationHandOver(
  tx: Tx,
  serverId: string,
  from: string,
  to: string,
): Promise<void> {
  await tx.$executeRaw`
    update compute.allocation set consumer_id = ${to}::uuid
    where server_id = ${serverId}::uuid and consumer_id = ${from}::uuid`
}
