/** Which host works for which task. */
import type { Db } from '../context.ts'

/**
 * Whether a task's server, or the one that it copies, is on the host or holds a place there: both ends of
 * an open migration do.
 */
export async function hostWorksFor(db: Db, host: string, taskId: string): Promise<boolean> {
  const rows = await db.$queryRaw<unknown[]>`
    select 1 from core.task t
    join compute.server s on s.id in (t.resource_id, (t.input ->> 'sourceId')::uuid)
    join compute.host h on h.name = ${host}
    where t.id = ${taskId}::uuid and t.resource_type = 'server'
      and (s.host_id = h.id
        or exists (select from compute.allocation a where a.server_id = s.id and a.host_id = h.id))
    limit 1`
  return rows.length > 0
}
