/**
 * What somebody holds by being given it: roles, application credentials, trusts, EC2 credentials. How
 * each is told of, and which of them go with a user, a group, a project or a domain: the database
 * deletes them with their owner, and each is told and recorded as if it had been deleted alone.
 */
import type {
  ApplicationCredential,
  Ec2Credential,
  Keypair,
  RoleAssignment,
  Trust,
} from '../../prisma/generated/client.ts'
import type { Tx } from '../context.ts'
import type { ResourceType } from '../core/event.ts'
import { type Telling, telling } from '../core/tell.ts'

export type Given = 'created' | 'deleted'

interface Told {
  resourceType: ResourceType
  id: string
  name: string | null
  projectId: string | null
  domainId: string | null
  view: object
}

const grantTelling = (given: Given, { resourceType, id, name, view, ...place }: Told): Telling =>
  telling(place.domainId, {
    resourceType,
    resourceId: id,
    resourceName: name,
    ...place,
    before: given === 'deleted' ? view : null,
    after: given === 'created' ? view : null,
  })

type Assignment = Omit<RoleAssignment, 'createdAt'>

/** `names`: of its role, of who has it, and of where. */
export function assignmentTelling(
  given: Given,
  row: Assignment,
  names: { role: string; holder: string; place: string },
  domainId: string | null,
): Telling {
  const { id, roleId, userId, groupId, projectId, system, inherited } = row
  const places = { projectId, domainId: row.domainId, system, inherited }
  return grantTelling(given, {
    resourceType: 'role_assignment',
    ...{ id, projectId, domainId },
    name: `${names.role} of ${names.holder} on ${names.place}`,
    view: { role: names.role, roleId, userId, groupId, ...places },
  })
}

/** `roles` are names; `domainId` is of its user. The secret is nowhere in it, and nor is its hash. */
export function credentialTelling(
  given: Given,
  credential: ApplicationCredential,
  roles: readonly string[],
  domainId: string | null,
): Telling {
  const { id, name, description, projectId, userId, unrestricted, accessRules } = credential
  const expiresAt = credential.expiresAt?.toISOString() ?? null
  return grantTelling(given, {
    resourceType: 'application_credential',
    ...{ id, name, projectId, domainId },
    view: { name, description, userId, roles, expiresAt, unrestricted, accessRules },
  })
}

/** `domainId` is of the trustor. */
export function trustTelling(
  given: Given,
  trust: Trust,
  roles: readonly string[],
  domainId: string | null,
): Telling {
  const { id, projectId, trustorUserId, trusteeUserId, impersonation, remainingUses } = trust
  const expiresAt = trust.expiresAt?.toISOString() ?? null
  const people = { trustorUserId, trusteeUserId, impersonation }
  return grantTelling(given, {
    resourceType: 'trust',
    ...{ id, name: null, projectId, domainId },
    view: { ...people, roles, expiresAt, remainingUses },
  })
}

export const ec2Telling = (
  given: Given,
  { id, access, userId, projectId }: Ec2Credential,
  domainId: string | null,
): Telling =>
  grantTelling(given, {
    resourceType: 'ec2_credential',
    ...{ id, name: access, projectId, domainId },
    view: { access, userId },
  })

export const keypairTelling = (
  given: Given,
  { id, name, userId, fingerprint }: Keypair,
  domainId: string | null,
): Telling =>
  grantTelling(given, {
    resourceType: 'keypair',
    ...{ id, name, projectId: null, domainId },
    view: { name, userId, fingerprint },
  })

/** Whose end it is. */
export interface Owners {
  userIds?: string[]
  groupIds?: string[]
  projectIds?: string[]
  domainIds?: string[]
}

/** The end of all that goes with these; call it before they are deleted. */
export async function grantsGone(tx: Tx, owners: Owners): Promise<Telling[]> {
  const { userIds = [], groupIds = [], projectIds = [], domainIds = [] } = owners
  const ofUser = { userId: { in: userIds } }
  const ofProject = { projectId: { in: projectIds } }
  const ofGroup = { groupId: { in: groupIds } }
  const ofDomain = { domainId: { in: domainIds } }
  const owner = { select: { domainId: true } }
  const named = { select: { name: true } }
  const roles = { include: { role: named } }
  const assignments = await tx.roleAssignment.findMany({
    where: { OR: [ofUser, ofGroup, ofProject, ofDomain] },
    include: { role: named, user: named, group: named, domain: named, project: true },
  })
  const own = { OR: [ofUser, ofProject] }
  const credentials = await tx.applicationCredential.findMany({
    where: own,
    include: { roles, user: owner },
  })
  const people = [{ trustorUserId: { in: userIds } }, { trusteeUserId: { in: userIds } }]
  const trusts = await tx.trust.findMany({
    where: { OR: [...people, ofProject] },
    include: { roles, trustor: owner },
  })
  const ec2 = await tx.ec2Credential.findMany({ where: own, include: { user: owner } })
  const keypairs = await tx.keypair.findMany({ where: ofUser, include: { user: owner } })
  const namesOf = (rows: { role: { name: string } }[]) => rows.map(({ role }) => role.name)
  return [
    ...assignments.map(({ role, user, group, project, domain, ...row }) => {
      const holder = (user ?? group)?.name ?? ''
      const names = { role: role.name, holder, place: placeName(project ?? domain) }
      return assignmentTelling('deleted', row, names, row.domainId ?? project?.domainId ?? null)
    }),
    ...credentials.map(({ roles, user, ...row }) =>
      credentialTelling('deleted', row, namesOf(roles), user.domainId),
    ),
    ...trusts.map(({ roles, trustor, ...row }) =>
      trustTelling('deleted', row, namesOf(roles), trustor.domainId),
    ),
    ...ec2.map(({ user, ...row }) => ec2Telling('deleted', row, user.domainId)),
    ...keypairs.map(({ user, ...row }) => keypairTelling('deleted', row, user.domainId)),
  ]
}

export const placeName = (place: { name: string } | null): string => place?.name ?? 'the system'
