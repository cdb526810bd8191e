/**
 * The audit log: who did what to which resource, from where, and what it changed. A row is written in
 * the transaction of the change; refusals have one of their own. Rows are append-only (a trigger).
 *
 * Nothing secret comes here: `before` and `after` are made by the resource's own view of itself.
 * What is read of it: audit-log.ts.
 */
import type { Prisma } from '../../prisma/generated/client.ts'
import type { Actor, Context, Db, Tx } from '../context.ts'
import { CloudError, type ErrorCode } from '../errors.ts'
import { isId, newId } from '../id.ts'
import type { ResourceType } from './event.ts'

export const auditOutcomes = ['SUCCESS', 'FAILURE'] as const
export type AuditOutcome = (typeof auditOutcomes)[number]

/** What was done to one resource. */
export interface AuditEntry {
  resourceType: ResourceType
  resourceId: string
  resourceName?: string | null
  /** Whose it is: their managers may read the entry. */
  projectId?: string | null
  domainId?: string | null
  before?: object | null
  after?: object | null
}

/** Who did it, as far as the log says. */
type Doer = Pick<Actor, 'userId' | 'projectId' | 'domainId' | 'projectDomainId'> & {
  userName: string | null
}

interface Doing {
  action: string
  actor: Doer | null
  requestId: string | null
  address: string | null
}

const MAX_REASON_LENGTH = 500

/** Only what changed, of two views of a resource; null when there is nothing on that side. */
export function changed(
  before: object | null,
  after: object | null,
): Pick<AuditEntry, 'before' | 'after'> {
  if (!before || !after) return { before, after }
  const keys = Object.keys({ ...before, ...after })
  const [old, now] = [before as Record<string, unknown>, after as Record<string, unknown>]
  const moved = keys.filter((key) => JSON.stringify(old[key]) !== JSON.stringify(now[key]))
  const only = (view: Record<string, unknown>) =>
    Object.fromEntries(moved.map((key) => [key, view[key] ?? null]))
  return { before: only(old), after: only(now) }
}

export async function auditSuccess(tx: Tx, doing: Doing, entries: AuditEntry[]): Promise<void> {
  const data = entries.map((entry) => ({
    ...rowOf(doing),
    ...entry,
    domainId: entry.domainId ?? domainOf(entry, doing.actor),
    outcome: 'SUCCESS' satisfies AuditOutcome,
    before: (entry.before ?? undefined) as Prisma.InputJsonValue | undefined,
    after: (entry.after ?? undefined) as Prisma.InputJsonValue | undefined,
  }))
  const [first, ...others] = data
  if (!first) return
  // Of `createMany` Prisma keeps no plan, and nearly every command has one entry.
  if (others.length === 0) await tx.auditEvent.create({ data: first, select: { id: true } })
  else await tx.auditEvent.createMany({ data })
}

/** What a task did on behalf of who asked for it: the name of the user is that of now. */
export async function auditTask(
  tx: Tx,
  { userId, requestId }: { userId: string | null; requestId: string | null },
  action: string,
  entries: AuditEntry[],
): Promise<void> {
  if (entries.length === 0) return
  const actor = userId === null ? null : await userNow(tx, userId)
  await auditSuccess(tx, { action, actor, requestId, address: null }, entries)
}

async function userNow(tx: Tx, userId: string): Promise<Doer> {
  const user = await tx.user.findUnique({ where: { id: userId }, select: { name: true } })
  const nowhere = { projectId: null, domainId: null, projectDomainId: null }
  return { userId, userName: user?.name ?? null, ...nowhere }
}

/** Where the caller's token says it, so that the domain's managers see it when the project is gone. */
const domainOf = ({ projectId }: AuditEntry, actor: Doer | null): string | null =>
  projectId && projectId === actor?.projectId ? actor.projectDomainId : null

/** Codes that say nothing of who may what: a typing error is no affair of the auditor. */
const NOT_AUDITED: readonly ErrorCode[] = ['BAD_INPUT', 'UNAVAILABLE', 'TIMEOUT', 'INTERNAL']

/** Refusals that are in the log already: whoever meets them later leaves them alone. */
const recorded = new WeakSet<Error>()

export const isRecorded = (error: Error): boolean => recorded.has(error)

/** Records a refusal, once; its own failure must not hide it. */
export async function auditFailure(
  ctx: Pick<Context, 'log'> & { db: Db },
  doing: Doing,
  error: unknown,
  about: { resourceType?: string; resourceId?: unknown; resourceName?: string } = {},
): Promise<void> {
  if (!(error instanceof CloudError) || NOT_AUDITED.includes(error.code)) return
  if (isRecorded(error)) return
  recorded.add(error)
  const { resourceType, resourceId, resourceName } = about
  try {
    await ctx.db.auditEvent.create({
      data: {
        ...rowOf(doing),
        outcome: 'FAILURE' satisfies AuditOutcome,
        code: error.code,
        reason: error.message.slice(0, MAX_REASON_LENGTH),
        resourceType: resourceType ?? null,
        resourceId: isId(resourceId) ? resourceId : null,
        resourceName: resourceName?.slice(0, MAX_REASON_LENGTH) ?? null,
        projectId: doing.actor?.projectId ?? null,
        domainId: doing.actor?.domainId ?? doing.actor?.projectDomainId ?? null,
      },
    })
  } catch (err) {
    ctx.log.error({ err, action: doing.action }, 'a refusal could not be recorded')
  }
}

const rowOf = ({ action, actor, requestId, address }: Doing) => ({
  id: newId(),
  action,
  userId: actor?.userId ?? null,
  userName: actor?.userName ?? null,
  scopeId: actor?.projectId ?? actor?.domainId ?? null,
  requestId,
  address,
})
