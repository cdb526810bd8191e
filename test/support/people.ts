/** Projects, users and tokens that have no operation in the API yet: written as rows. */
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import jwt from 'jsonwebtoken'
import type { Cloud } from '../../services/context.ts'
import { newId } from '../../services/id.ts'
import { named } from '../../services/identity/name.ts'
import { hashPassword } from '../../services/identity/password.ts'
import { quotaOpen } from '../../services/identity/quota.ts'

export type RoleName = 'reader' | 'member' | 'manager' | 'admin'

const implied: Record<RoleName, string[]> = {
  reader: ['reader'],
  member: ['member', 'reader'],
  manager: ['manager', 'member', 'reader'],
  admin: ['admin', 'manager', 'member', 'reader'],
}

export async function newProject({ db, now }: Cloud, name: string): Promise<string> {
  const domain = await db.domain.findFirstOrThrow({ where: { name: 'Default' } })
  const times = { createdAt: now(), updatedAt: now() }
  const { id } = await db.project.create({
    data: { id: newId(), domainId: domain.id, ...named(name), ...times },
  })
  await quotaOpen(db, [id])
  return id
}

/** A user, whose password nobody knows unless one is given, with one role in a project. */
export async function newUser(
  { db, now }: Cloud,
  name: string,
  given: { password?: string; projectId?: string; role?: RoleName } = {},
): Promise<string> {
  const domain = await db.domain.findFirstOrThrow({ where: { name: 'Default' } })
  const passwordHash = await hashPassword(given.password ?? randomUUID())
  const times = { createdAt: now(), updatedAt: now() }
  const { id } = await db.user.create({
    data: { id: newId(), domainId: domain.id, ...named(name), passwordHash, ...times },
  })
  if (given.projectId && given.role) await assignRole({ db, now }, id, given.projectId, given.role)
  return id
}

export async function assignRole(
  { db, now }: Pick<Cloud, 'db' | 'now'>,
  userId: string,
  projectId: string,
  name: RoleName,
): Promise<void> {
  const role = await db.role.findFirstOrThrow({ where: { name, domainId: null } })
  await db.roleAssignment.create({
    data: { id: newId(), roleId: role.id, userId, projectId, createdAt: now() },
  })
}

interface TokenOf {
  userId?: string
  projectId?: string | null
  userDomainId?: string
  role?: RoleName
  operator?: boolean
  at?: Date
  ttlSeconds?: number
}

/** A genuine token without a sign-in, which costs argon2's time. */
export function tokenFor({ tokens, now }: Cloud, given: TokenOf = {}): string {
  const actor = {
    userId: given.userId ?? newId(),
    userName: given.role ?? 'nobody',
    userDomainId: given.userDomainId ?? newId(),
    projectId: given.projectId ?? null,
    projectName: given.projectId ? 'a project' : null,
    projectDomainId: given.projectId ? newId() : null,
    domainId: null,
    system: false,
    roles: given.role ? implied[given.role] : [],
    operator: given.operator ?? false,
    methods: ['password' as const],
    applicationCredentialId: null,
    accessRules: null,
    trustId: null,
    trustorUserId: null,
  }
  return tokens.issue(actor, given.at ?? now(), given.ttlSeconds ?? 3600).secret
}

const HOUR_MS = 3_600_000

export const expiredToken = (cloud: Cloud, given: TokenOf): string =>
  tokenFor(cloud, { ...given, at: new Date(Date.now() - 2 * HOUR_MS) })

/** The token with one claim changed, its signature kept. */
export function tamper(secret: string, claims: object): string {
  const [header, payload, signature] = secret.split('.')
  const changed = { ...JSON.parse(Buffer.from(payload ?? '', 'base64url').toString()), ...claims }
  return [header, Buffer.from(JSON.stringify(changed)).toString('base64url'), signature].join('.')
}

/** The same claims under the same key id, signed with a key pair of somebody else. */
export function forge(secret: string): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { header, payload } = jwt.decode(secret, { complete: true }) ?? {}
  return jwt.sign(payload as object, privateKey, { algorithm: 'ES256', keyid: header?.kid ?? '' })
}
