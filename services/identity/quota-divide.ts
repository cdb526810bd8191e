/**
 * Dividing what two owners hold together: what is claimed in all stays as it is, and with it every
 * counter. So a server that changes its size holds what it has, and its migration what it may go back to.
 */
import type { Tx } from '../context.ts'
import type { QuotaAmounts } from './quota.ts'

interface Division {
  projectId: string
  /** Holds these amounts afterwards, or all that there is where that is less. */
  owner: string
  amounts: QuotaAmounts
  /** Holds the rest. */
  other: string
}

/** Both claims are of the same project, and both are used, not reserved. */
export async function quotaDivide(
  tx: Tx,
  { projectId, owner, amounts, other }: Division,
): Promise<void> {
  const held = await tx.$queryRaw<{ resource: string; amount: number }[]>`
    select resource, amount from identity.quota_claim
    where owner_id in (${owner}::uuid, ${other}::uuid) and not reserved
      and resource = any (${Object.keys(amounts)}::text[])
    order by owner_id, resource for update`
  const rows = Object.entries(amounts).flatMap(([resource, wanted]) => {
    const sum = held.filter((h) => h.resource === resource).reduce((all, h) => all + h.amount, 0)
    const first = Math.min(sum, wanted)
    return [
      { id: owner, resource, amount: first },
      { id: other, resource, amount: sum - first },
    ]
  })
  const ids = rows.map(({ id }) => id)
  const resources = rows.map(({ resource }) => resource)
  const counts = rows.map(({ amount }) => amount)
  await tx.$executeRaw`
    insert into identity.quota_claim (owner_id, resource, project_id, amount, reserved)
    select id, resource, ${projectId}::uuid, amount, false
    from unnest(${ids}::uuid[], ${resources}::text[], ${counts}::int[]) w (id, resource, amount)
    on conflict (owner_id, resource) do update set amount = excluded.amount`
  await tx.$executeRaw`
    delete from identity.quota_claim
    where owner_id in (${owner}::uuid, ${other}::uuid) and amount = 0`
}
