import { expect } from 'vitest'
import type { Cluster } from './cluster.ts'

/** The sums that must always hold: Q1 of quota.ts, A1 of allocation.ts, and nothing beyond a limit. */
export async function expectBooks({ cloud: { db } }: Pick<Cluster, 'cloud'>): Promise<void> {
  const wrong = await db.$queryRaw<object[]>`
    select 'quota' as book, q.resource, q.used::int as used,
           coalesce(sum(c.amount), 0)::int as claimed, q."limit"::int as "limit"
    from identity.quota q left join identity.quota_claim c using (project_id, resource)
    group by q.project_id, q.resource
    having q.used <> coalesce(sum(c.amount), 0) or q."limit" >= 0 and q.used > q."limit"
    union all
    select 'inventory', i.resource, i.used::int, coalesce(sum(a.amount), 0)::int,
           floor((i.total - i.reserved) * i.allocation_ratio)::int
    from compute.inventory i left join compute.allocation a using (host_id, resource)
    group by i.host_id, i.resource
    having i.used <> coalesce(sum(a.amount), 0)
        or i.used > floor((i.total - i.reserved) * i.allocation_ratio)`
  expect(wrong).toEqual([])
}
