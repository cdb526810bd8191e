/**
 * From what an identity provider says to a user of ours.
 *
 * F1 A user is found by provider and subject, never by a name: no provider can name itself into
 *    somebody else's account. Whoever is new gets a free name in the provider's domain.
 * F2 Memberships that the mapping gives are marked, and taken back once it no longer gives them, which
 *    ends the user's tokens. What was given by hand is never touched.
 * F3 Groups are those of the provider's domain, by name. One with rights beyond what a manager of the
 *    domain may give is for the mapping's own words only: a name that comes out of a claim, which the
 *    provider chose, never leads into it. Operators write mappings, so a name in one is their consent.
 */
import { randomBytes } from 'node:crypto'
import type { IdentityProvider, User } from '../../prisma/generated/client.ts'
import type { RuleName } from '../access/rules.ts'
import { lostRace } from '../command.ts'
import type { Context, Tx } from '../context.ts'
import { auditSuccess } from '../core/audit.ts'
import { emit } from '../core/event.ts'
import { CloudError } from '../errors.ts'
import { newId } from '../id.ts'
import { isPrivileged, keepAnAdministrator } from './administrators.ts'
import { mappingOf } from './identity-provider.ts'
import { type MappedUser, type MappingRule, mapClaims } from './mapping.ts'
import { named, nameKey } from './name.ts'
import { revoke } from './revocation.ts'

export type FederationProblem = 'mapping' | 'disabled'

/** Somebody whom the provider knows, and who may not in here. */
export class FederationError extends CloudError {
  constructor(
    readonly problem: FederationProblem,
    message: string,
  ) {
    super('UNAUTHENTICATED', message)
    this.name = 'FederationError'
  }
}

export interface Identity {
  subject: string
  claims: unknown
}

interface Federated extends MappedUser {
  /** Of `groups` those that the mapping names itself (F3). */
  ownGroups: ReadonlySet<string>
}

const MAX_TRIES = 4

/** The id of the user that the identity is, made at the first sign-in. */
export async function federatedUser(
  ctx: Context,
  provider: IdentityProvider,
  { subject, claims }: Identity,
): Promise<string> {
  const mapped = mappedUser(mappingOf(provider), claims)
  if (!mapped) {
    throw new FederationError('mapping', 'No rule of the identity provider makes a user of you')
  }
  for (let tries = 1; ; tries++) {
    try {
      return await once(ctx, provider, subject, mapped)
    } catch (error) {
      // Of two first sign-ins of one person, or of one name, the later finds the other's rows.
      if (tries >= MAX_TRIES || !(lostRace(error) || isTaken(error))) throw error
    }
  }
}

const isTaken = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'P2002'

function mappedUser(rules: readonly MappingRule[], claims: unknown): Federated | null {
  const mapped = mapClaims(rules, claims)
  if (!mapped || nameKey(mapped.userName) === '') return null
  const literal = rules.map(({ remote, local }) => ({
    remote,
    local: { ...local, groups: (local.groups ?? []).filter((name) => !name.includes('{')) },
  }))
  return { ...mapped, ownGroups: new Set(mapClaims(literal, claims)?.groups) }
}

async function once(
  ctx: Context,
  provider: IdentityProvider,
  subject: string,
  mapped: Federated,
): Promise<string> {
  const committed: (() => void)[] = []
  const userId = await ctx.db.$transaction(async (tx) => {
    const c = { ...ctx, tx, onCommit: (done: () => void) => void committed.push(done) }
    const user = await findOrMake(c, provider, subject, mapped)
    if (!user.enabled) throw new FederationError('disabled', 'The user is disabled')
    const { email } = mapped
    if (email !== null && email !== user.email) {
      await takeEmail(c, user, email)
    }
    await alignGroups(c, provider, user, mapped)
    return user.id
  })
  for (const done of committed) done()
  return userId
}

type Federating = Context & { tx: Tx; onCommit(done: () => void): void }

async function findOrMake(
  c: Federating,
  { id: identityProviderId, domainId }: IdentityProvider,
  subject: string,
  mapped: Federated,
): Promise<User> {
  // Held, so that nobody disables it under us.
  const domains = await c.tx.$queryRaw<unknown[]>`
    select from identity.identity_provider p join identity.domain d on d.id = p.domain_id
    where p.id = ${identityProviderId}::uuid and p.enabled and d.enabled for share`
  if (domains.length === 0) {
    throw new FederationError('disabled', 'The identity provider or its domain is disabled')
  }
  const known = await c.tx.federatedIdentity.findUnique({
    where: { identityProviderId_subject: { identityProviderId, subject } },
    include: { user: true },
  })
  if (known) return known.user
  const at = c.now()
  const user = await c.tx.user.create({
    data: {
      id: newId(),
      domainId,
      ...named(await freeName(c.tx, domainId, mapped.userName)),
      email: mapped.email,
      createdAt: at,
      updatedAt: at,
      federatedIdentities: { create: { identityProviderId, subject, createdAt: at } },
    },
  })
  const { id, name, email } = user
  await tellOf(c, 'user.created', 'identity.user.create', domainId, {
    resourceType: 'user',
    resourceId: id,
    resourceName: name,
    after: { name, email, identityProviderId },
  })
  return user
}

async function takeEmail(c: Federating, user: User, email: string): Promise<void> {
  const { id, name, domainId } = user
  await c.tx.user.update({
    where: { id },
    data: { email, updatedAt: c.now(), version: { increment: 1 } },
  })
  await tellOf(c, 'user.updated', 'identity.user.update', domainId, {
    resourceType: 'user',
    resourceId: id,
    resourceName: name,
    before: { email: user.email },
    after: { email },
  })
}

/** Numbered names that are tried before a random one. */
const MAX_NUMBER = 9
const MAX_STEM_LENGTH = 240

/** The wanted name, or one like it that nobody in the domain has (F1). */
async function freeName(tx: Tx, domainId: string, wanted: string): Promise<string> {
  const stem = Array.from(wanted).slice(0, MAX_STEM_LENGTH).join('')
  const numbers = Array.from({ length: MAX_NUMBER - 1 }, (_, i) => `${stem}-${i + 2}`)
  const names = [wanted, ...numbers, `${stem}-${randomBytes(4).toString('hex')}`]
  const taken = await tx.user.findMany({
    where: { domainId, nameKey: { in: names.map(nameKey) } },
    select: { nameKey: true },
  })
  const keys = new Set(taken.map((user) => user.nameKey))
  return names.find((name) => !keys.has(nameKey(name))) ?? `${stem}-${newId()}`
}

/** F2, F3. */
async function alignGroups(
  c: Federating,
  { domainId }: IdentityProvider,
  user: User,
  { groups: names, ownGroups }: Federated,
): Promise<void> {
  const wanted = await c.tx.group.findMany({
    where: { domainId, nameKey: { in: names.map(nameKey) } },
  })
  const own = new Set([...ownGroups].map(nameKey))
  const allowed: typeof wanted = []
  for (const group of wanted) {
    const isOpen = own.has(group.nameKey) || !(await isPrivileged(c.tx, { groupId: group.id }))
    if (isOpen) allowed.push(group)
    else c.log.warn({ groupId: group.id, userId: user.id }, 'a claim may not lead into this group')
  }
  const members = await c.tx.groupMember.findMany({ where: { userId: user.id } })
  const isMember = new Set(members.map(({ groupId }) => groupId))
  const added = allowed.map(({ id }) => id).filter((id) => !isMember.has(id))
  const kept = new Set(allowed.map(({ id }) => id))
  const lost = members
    .filter(({ federated, groupId }) => federated && !kept.has(groupId))
    .map(({ groupId }) => groupId)
  await c.tx.groupMember.createMany({
    data: added.map((groupId) => ({
      groupId,
      userId: user.id,
      federated: true,
      createdAt: c.now(),
    })),
    skipDuplicates: true,
  })
  for (const id of added) await tellOfMember(c, 'identity.group.add-user', domainId, id, user)
  if (lost.length === 0) return
  await c.tx.groupMember.deleteMany({
    where: { userId: user.id, federated: true, groupId: { in: lost } },
  })
  await revoke(c, 'user', [user.id])
  await keepAnAdministrator(c)
  for (const id of lost) await tellOfMember(c, 'identity.group.remove-user', domainId, id, user)
}

type Action = Extract<
  RuleName,
  | 'identity.user.create'
  | 'identity.user.update'
  | 'identity.group.add-user'
  | 'identity.group.remove-user'
>

const tellOfMember = (c: Federating, action: Action, domainId: string, id: string, user: User) =>
  tellOf(c, 'group.updated', action, domainId, {
    resourceType: 'group',
    resourceId: id,
    after: { userId: user.id, userName: user.name, federated: true },
  })

interface About {
  resourceType: 'user' | 'group'
  resourceId: string
  resourceName?: string
  before?: object
  after: object
}

/** There is no actor: it is the sign-in itself that does it. */
async function tellOf(
  c: Federating,
  type: string,
  action: Action,
  domainId: string,
  about: About,
): Promise<void> {
  const { requestId, address } = c
  const { resourceType, resourceId } = about
  await emit(c.tx, { type, resourceType, resourceId, projectId: domainId, requestId })
  await auditSuccess(c.tx, { action, actor: null, requestId, address }, [{ ...about, domainId }])
}
