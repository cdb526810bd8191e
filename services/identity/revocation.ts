/**
 * What was revoked, in memory: every process loads it at start and hears of later ones as events, so
 * that a token check costs no SQL and honours a revocation in every process within a second.
 *
 * R1 A revocation is a row: tokens of this subject from before this moment are good no more. Moments
 *    are the database's, so that the clocks of processes don't matter.
 * R2 Sign-ins lock the rows they rely on (FOR SHARE, scope.ts); who revokes locks them first and takes
 *    the moment afterwards. A token is from after the moment, or its sign-in saw the change.
 * R3 A row is kept as long as a token from before it could live.
 */
import type { Command } from '../command.ts'
import type { Actor, Cloud, Db, Tx } from '../context.ts'
import { emit } from '../core/event.ts'
import { CloudError } from '../errors.ts'
import { newId } from '../id.ts'

/**
 * The longest life that `tokenTtlSeconds` may give a token. Not the setting itself: it may have been
 * longer yesterday, and longer in another process.
 */
export const LONGEST_TOKEN_SECONDS = 30 * 24 * 3600

export const revocationKinds = [
  'token',
  'user',
  'project',
  'domain',
  'application_credential',
  'trust',
] as const
export type RevocationKind = (typeof revocationKinds)[number]

interface Known {
  kind: string
  subjectId: string
  before: Date
  expiresAt: Date
}

export class Revocations {
  private readonly known = new Map<string, Known>()

  async load(db: Db, at: Date, ids?: string[]): Promise<void> {
    const where = ids ? { id: { in: ids } } : { expiresAt: { gt: at } }
    for (const row of await db.revocation.findMany({ where })) this.add(row)
  }

  add(row: Known): void {
    const key = keyOf(row.kind, row.subjectId)
    const before = this.known.get(key)
    if (!before || before.before < row.before) this.known.set(key, row)
  }

  isRevoked(actor: Actor): boolean {
    if (this.known.size === 0) return false
    return subjectsOf(actor).some(([kind, id]) => {
      const row = this.known.get(keyOf(kind, id))
      return row !== undefined && actor.issuedAt <= row.before
    })
  }

  /** Forgets what would have expired by now anyway. */
  prune(at: Date): void {
    for (const [key, { expiresAt }] of this.known) if (expiresAt <= at) this.known.delete(key)
  }

  get size(): number {
    return this.known.size
  }
}

const keyOf = (kind: string, id: string): string => `${kind} ${id}`

/** All by which a token can be revoked. */
function subjectsOf(actor: Actor): [RevocationKind, string][] {
  const subjects: [RevocationKind, string | null][] = [
    ['token', actor.tokenId],
    ['user', actor.userId],
    ['domain', actor.userDomainId],
    ['project', actor.projectId],
    ['domain', actor.projectDomainId],
    ['domain', actor.domainId],
    ['application_credential', actor.applicationCredentialId],
    ['trust', actor.trustId],
    ['user', actor.trustorUserId],
  ]
  return subjects.filter((subject): subject is [RevocationKind, string] => subject[1] !== null)
}

/** Who the secret belongs to, if it is genuine, current and not revoked. */
export function checkToken(
  cloud: Pick<Cloud, 'tokens' | 'revocations' | 'now'>,
  secret: string,
): Actor {
  const actor = cloud.tokens.verify(secret, cloud.now())
  if (cloud.revocations.isRevoked(actor)) {
    throw new CloudError('UNAUTHENTICATED', 'The token was revoked')
  }
  return actor
}

/** As `isRevoked`, from the rows: also what other processes revoked a moment ago. */
export async function isRevokedAnywhere(tx: Tx, actor: Actor): Promise<boolean> {
  const subjects = subjectsOf(actor).map(([kind, subjectId]) => ({ kind, subjectId }))
  const rows = await tx.revocation.count({
    where: { OR: subjects, before: { gte: actor.issuedAt } },
  })
  return rows > 0
}

/**
 * Ends the tokens of these subjects, everywhere, once the transaction commits. `over` is when the last
 * of them would have ended by itself, where that is known.
 */
export async function revoke(
  c: Pick<Command, 'tx' | 'revocations' | 'onCommit' | 'requestId'>,
  kind: RevocationKind,
  subjectIds: string[],
  over: Date | null = null,
): Promise<void> {
  if (subjectIds.length === 0) return
  await lockSubjects(c.tx, kind, subjectIds)
  await revoke(c, 'trust', await trustsOf(c.tx, kind, subjectIds))
  const rows = await c.tx.$queryRaw<(Known & { id: string })[]>`
    insert into identity.revocation (id, kind, subject_id, before, expires_at)
    select w.id, ${kind}, w.subject_id, clock_timestamp(),
           coalesce(${over}::timestamptz,
                    clock_timestamp() + ${LONGEST_TOKEN_SECONDS}::int * interval '1 second')
    from unnest(${subjectIds.map(() => newId())}::uuid[], ${subjectIds}::uuid[]) w (id, subject_id)
    returning id, kind, subject_id as "subjectId", before, expires_at as "expiresAt"`
  await emit(
    c.tx,
    ...rows.map(({ id }) => ({
      type: 'revocation.created',
      resourceType: 'revocation' as const,
      resourceId: id,
      projectId: null,
      requestId: c.requestId,
    })),
  )
  // Here at once; elsewhere as soon as the event is heard.
  c.onCommit(() => {
    for (const row of rows) c.revocations.add(row)
  })
}

/**
 * The trusts whose tokens end with their people: a token names one of the two only, and the domain of
 * that one only.
 */
async function trustsOf(tx: Tx, kind: RevocationKind, ids: string[]): Promise<string[]> {
  if (kind !== 'user' && kind !== 'domain') return []
  const among = kind === 'user' ? { id: { in: ids } } : { domainId: { in: ids } }
  const trusts = await tx.trust.findMany({
    where: { OR: [{ trustor: among }, { trustee: among }] },
    select: { id: true },
  })
  return trusts.map(({ id }) => id)
}

/** Against sign-ins that are under way (R2). In the order of their ids, so that nobody deadlocks. */
async function lockSubjects(tx: Tx, kind: RevocationKind, ids: string[]): Promise<void> {
  if (kind === 'user') {
    await tx.$executeRaw`select from identity."user" where id = any (${ids}::uuid[])
      order by id for no key update`
  } else if (kind === 'project') {
    await tx.$executeRaw`select from identity.project where id = any (${ids}::uuid[])
      order by id for no key update`
  } else if (kind === 'domain') {
    await tx.$executeRaw`select from identity.domain where id = any (${ids}::uuid[])
      order by id for no key update`
  } else if (kind === 'application_credential') {
    await tx.$executeRaw`select from identity.application_credential where id = any (${ids}::uuid[])
      order by id for no key update`
  } else if (kind === 'trust') {
    await tx.$executeRaw`select from identity.trust where id = any (${ids}::uuid[])
      order by id for no key update`
  }
}
