/** What is read of the audit log: pages of it, and the history of resources. */
import type { AuditEvent, Prisma } from '../../prisma/generated/client.ts'
import type { Reach } from '../access/allow.ts'
import { everywhere } from '../cells/cells.ts'
import type { Db } from '../context.ts'

/** The entries that somebody of this reach reads: those that are about what is theirs. */
export async function auditWithin(
  db: Db,
  { domainId, projectId, userId }: Reach,
): Promise<Prisma.AuditEventWhereInput> {
  return {
    ...(domainId && {
      OR: [{ domainId }, { projectId: { in: await projectsOfDomain(db, domainId) } }],
    }),
    ...(projectId && { projectId }),
    ...(userId && { userId }),
  }
}

async function projectsOfDomain(db: Db, domainId: string): Promise<string[]> {
  const rows = await db.project.findMany({ where: { domainId }, select: { id: true } })
  return rows.map(({ id }) => id)
}

export interface HistoryRequest {
  resourceId: string
  take: number
  /** Of who asks. */
  reach: Reach
}

/** The newest entries about resources, those of all of them in one statement. */
export async function histories(db: Db, asked: readonly HistoryRequest[]): Promise<AuditEvent[][]> {
  const take = Math.max(...asked.map((one) => one.take))
  const rows = await everywhere(
    db,
    (one) => one.$queryRaw<(AuditEvent & { n: bigint })[]>`
    select wanted.n, e.* from
      unnest(${asked.map((one) => one.resourceId)}::uuid[],
             ${asked.map(({ reach }) => reach.domainId)}::uuid[],
             ${asked.map(({ reach }) => reach.projectId)}::uuid[],
             ${asked.map(({ reach }) => reach.userId)}::uuid[])
        with ordinality wanted (resource_id, domain_id, project_id, user_id, n)
    cross join lateral (
      select id, at, action, outcome, code, reason, user_id as "userId", user_name as "userName",
             scope_id as "scopeId", resource_type as "resourceType", resource_id as "resourceId",
             resource_name as "resourceName", project_id as "projectId", domain_id as "domainId",
             request_id as "requestId", address, before, after
      from core.audit_event a
      where a.resource_id = wanted.resource_id
        and (wanted.project_id is null or a.project_id = wanted.project_id)
        and (wanted.user_id is null or a.user_id = wanted.user_id)
        and (wanted.domain_id is null or a.domain_id = wanted.domain_id
             or a.project_id in (select p.id from identity.project p where p.domain_id = wanted.domain_id))
      order by a.id desc limit ${take}::int) e
    order by wanted.n, e.id desc`,
  )
  const found = asked.map((): AuditEvent[] => [])
  for (const { n, ...row } of rows) found[Number(n) - 1]?.push(row)
  // Those of a project are in every cell that it has servers in.
  for (const list of found) list.sort((a, b) => (a.id < b.id ? 1 : -1))
  return found.map((list, i) => list.slice(0, asked[i]?.take))
}
