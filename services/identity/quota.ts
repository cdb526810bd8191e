/**
 * Quotas: what a project may have, and has.
 *
 * Q1 `used` is the sum of the claims of the project's resources; both change in one transaction.
 * Q2 A claim is made by one conditional update: no interleaving can pass the limit.
 * Q3 Giving back means deleting the claim; deleting it twice gives back once.
 */
import type { Tx } from '../context.ts'
import { CloudError } from '../errors.ts'

/** Counted resources and the limit a new project starts with (OpenStack's defaults); -1 is none. */
export const quotaDefaults = {
  'compute.instances': 10,
  'compute.cores': 20,
  'compute.memoryMiB': 51_200,
} as const satisfies Record<string, number>

export type QuotaResource = keyof typeof quotaDefaults

export type QuotaAmounts = Partial<Record<QuotaResource, number>>

/** Takes the amounts for an owner, or throws QUOTA_EXCEEDED and the transaction rolls back. */
export async function quotaClaim(
  tx: Tx,
  projectId: string,
  ownerId: string,
  amounts: QuotaAmounts,
): Promise<void> {
  const wanted = Object.entries(amounts).sort(([a], [b]) => (a < b ? -1 : 1))
  const resources = wanted.map(([resource]) => resource)
  const counts = wanted.map(([, amount]) => amount)
  // Rows are locked in the order of their names, so that two claims can't deadlock.
  const claimed = await tx.$executeRaw`
    with wanted as (select * from unnest(${resources}::text[], ${counts}::int[]) w (resource, amount)),
    held as (
      select q.resource, q.used, q."limit" from identity.quota q
      where q.project_id = ${projectId}::uuid and q.resource = any (${resources}::text[])
      order by q.resource for no key update),
    taken as (
      update identity.quota q set used = q.used + w.amount
      from wanted w join held using (resource)
      where q.project_id = ${projectId}::uuid and q.resource = w.resource
        and not exists (
          select from wanted w left join held h using (resource)
          where h.resource is null or (h."limit" >= 0 and h.used + w.amount > h."limit"))
      returning q.resource, w.amount)
    insert into identity.quota_claim (owner_id, resource, project_id, amount)
    select ${ownerId}::uuid, resource, ${projectId}::uuid, amount from taken`
  if (claimed === wanted.length) return
  await explainRefusal(tx, projectId, amounts)
}

/** Gives back all that an owner holds; nothing when it holds nothing. */
export async function quotaRelease(tx: Tx, ownerId: string): Promise<void> {
  await tx.$executeRaw`
    with given as (
      delete from identity.quota_claim where owner_id = ${ownerId}::uuid
      returning project_id, resource, amount),
    held as (
      select q.project_id, q.resource, given.amount from identity.quota q
      join given using (project_id, resource) order by q.resource for no key update of q)
    update identity.quota q set used = q.used - held.amount
    from held where q.project_id = held.project_id and q.resource = held.resource`
}

async function explainRefusal(tx: Tx, projectId: string, amounts: QuotaAmounts): Promise<never> {
  const quotas = await tx.quota.findMany({ where: { projectId } })
  for (const [resource, requested] of Object.entries(amounts)) {
    const quota = quotas.find((q) => q.resource === resource)
    const { limit, used } = quota ?? { limit: 0, used: 0 }
    if (limit >= 0 && used + requested > limit) {
      throw new CloudError(
        'QUOTA_EXCEEDED',
        `The quota of ${resource} is ${limit}, ${used} are used, ${requested} more were asked for`,
        { resource, limit, used, requested },
      )
    }
  }
  throw new CloudError('CONFLICT', 'The quota changed meanwhile: try again')
}
