import { expect } from 'vitest'
import { quotaFindings } from '../../services/identity/quota-audit.ts'
import type { Cluster } from './cluster.ts'

/**
 * The sums that must always hold: those that the auditor of quotas looks at, A1 of allocation.ts, and
 * nothing beyond a limit (no story here lowers one below what is used).
 */
export async function expectBooks({ cloud: { db } }: Pick<Cluster, 'cloud'>): Promise<void> {
  expect(await quotaFindings(db)).toEqual([])
  const wrong = await db.$queryRaw<object[]>`
    select 'quota' as book, q.resource, q.tree_used::int as used,
           coalesce(q."limit", r.default_limit)::int as "limit"
    from identity.quota q left join identity.registered_limit r
      on r.resource = q.resource and r.region_id is null
    where coalesce(q."limit", r.default_limit) >= 0
      and q.tree_used > coalesce(q."limit", r.default_limit)
    union all
    select 'inventory', i.resource, i.used::int,
           floor((i.total - i.reserved) * i.allocation_ratio)::int
    from compute.inventory i left join compute.allocation a using (host_id, resource)
    group by i.host_id, i.resource
    having i.used <> coalesce(sum(a.amount), 0)
        or i.used > floor((i.total - i.reserved) * i.allocation_ratio)`
  expect(wrong).toEqual([])
}
