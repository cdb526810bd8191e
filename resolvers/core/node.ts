import { Ctx, Query, Resolver } from 'type-graphql'
import { Node } from '../../schema/node.ts'
import { allow, type Reach, reach } from '../../services/access/allow.ts'
import type { RuleName } from '../../services/access/rules.ts'
import { flavorsWithin } from '../../services/compute/flavor.ts'
import { keypairsWithin } from '../../services/compute/keypair.ts'
import { CloudError } from '../../services/errors.ts'
import { isId } from '../../services/id.ts'
import { applicationCredentialsWithin } from '../../services/identity/application-credential.ts'
import { domainsWithin } from '../../services/identity/domain.ts'
import { ec2CredentialsWithin } from '../../services/identity/ec2-credential.ts'
import { groupsWithin } from '../../services/identity/group.ts'
import { projectsWithin } from '../../services/identity/project.ts'
import { rolesWithin } from '../../services/identity/role.ts'
import { assignmentsWithin } from '../../services/identity/role-assignment.ts'
import { trustsWithin } from '../../services/identity/trust.ts'
import { usersWithin } from '../../services/identity/user.ts'
import { IdArg } from '../arguments.ts'
import { visibleImages } from '../image/image.ts'
import type { Request } from '../request.ts'

interface Kind {
  /** Of the object type. */
  typeName: string
  /** Who may list such things; null is returned to everybody else. */
  rule: RuleName
  find(ctx: Request, id: string, within: Reach): Promise<object | null>
}

/** What is seen in its project: never of another one, whatever the rule says. */
const ofProject = (ctx: Request) => ({ projectId: ctx.actor?.projectId ?? '' })

/** Every type that `node` finds, and how far the caller sees of it. */
const kinds: Kind[] = [
  {
    typeName: 'Flavor',
    rule: 'compute.flavor.list',
    find: ({ db }, id, within) =>
      db.flavor.findFirst({ where: { AND: [{ id }, flavorsWithin(within)] } }),
  },
  { typeName: 'Host', rule: 'compute.host.list', find: ({ load }, id) => load.host.load(id) },
  {
    typeName: 'Migration',
    rule: 'compute.migration.list',
    find: ({ load }, id) => load.migration.load(id),
  },
  {
    typeName: 'Server',
    rule: 'compute.server.list',
    find: (ctx, id) => ctx.db.server.findFirst({ where: { id, ...ofProject(ctx) } }),
  },
  {
    typeName: 'Aggregate',
    rule: 'compute.aggregate.list',
    find: ({ load }, id) => load.aggregate.load(id),
  },
  {
    typeName: 'ServerGroup',
    rule: 'compute.server-group.list',
    find: (ctx, id) => ctx.db.serverGroup.findFirst({ where: { id, ...ofProject(ctx) } }),
  },
  {
    typeName: 'Keypair',
    rule: 'compute.keypair.list',
    find: ({ db }, id, within) =>
      db.keypair.findFirst({ where: { AND: [{ id }, keypairsWithin(within)] } }),
  },
  {
    typeName: 'Task',
    rule: 'core.task.list',
    find: ({ db }, id, { projectId, userId }) =>
      db.task.findFirst({
        where: { id, ...(projectId && { projectId }), ...(userId && { userId }) },
      }),
  },
  {
    typeName: 'Image',
    rule: 'image.image.list',
    find: (ctx, id) =>
      ctx.db.image.findFirst({ where: { id, ...visibleImages(ofProject(ctx).projectId) } }),
  },
  {
    typeName: 'Domain',
    rule: 'identity.domain.list',
    find: ({ db }, id, within) =>
      db.domain.findFirst({ where: { AND: [{ id }, domainsWithin(within)] } }),
  },
  {
    typeName: 'Project',
    rule: 'identity.project.list',
    find: async ({ db }, id, within) =>
      db.project.findFirst({ where: { AND: [{ id }, await projectsWithin(db, within)] } }),
  },
  {
    typeName: 'User',
    rule: 'identity.user.list',
    find: ({ db }, id, within) =>
      db.user.findFirst({ where: { AND: [{ id }, usersWithin(within)] } }),
  },
  {
    typeName: 'Group',
    rule: 'identity.group.list',
    find: ({ db }, id, within) =>
      db.group.findFirst({ where: { AND: [{ id }, groupsWithin(within)] } }),
  },
  {
    typeName: 'Role',
    rule: 'identity.role.list',
    find: (ctx, id) => ctx.db.role.findFirst({ where: { AND: [{ id }, rolesWithin(ctx)] } }),
  },
  {
    typeName: 'RoleAssignment',
    rule: 'identity.role-assignment.list',
    find: ({ db }, id, within) =>
      db.roleAssignment.findFirst({ where: { AND: [{ id }, assignmentsWithin(within)] } }),
  },
  {
    typeName: 'ApplicationCredential',
    rule: 'identity.application-credential.list',
    find: ({ db }, id, within) =>
      db.applicationCredential.findFirst({
        where: { AND: [{ id }, applicationCredentialsWithin(within)] },
      }),
  },
  {
    typeName: 'Trust',
    rule: 'identity.trust.list',
    find: ({ db }, id, within) =>
      db.trust.findFirst({ where: { AND: [{ id }, trustsWithin(within)] } }),
  },
  {
    typeName: 'Ec2Credential',
    rule: 'identity.ec2-credential.list',
    find: ({ db }, id, within) =>
      db.ec2Credential.findFirst({ where: { AND: [{ id }, ec2CredentialsWithin(within)] } }),
  },
  {
    typeName: 'IdentityProvider',
    rule: 'identity.identity-provider.list',
    find: ({ load }, id) => load.identityProvider.load(id),
  },
  {
    typeName: 'Service',
    rule: 'identity.service.list',
    find: ({ load }, id) => load.service.load(id),
  },
  {
    typeName: 'Endpoint',
    rule: 'identity.endpoint.list',
    find: ({ load }, id) => load.endpoint.load(id),
  },
  {
    typeName: 'RegisteredLimit',
    rule: 'identity.registered-limit.list',
    find: ({ load }, id) => load.registeredLimit.load(id),
  },
]

@Resolver()
export class NodeResolver {
  @Query(() => Node, {
    nullable: true,
    description: 'Anything that you may see, by its id; or null.',
  })
  async node(@Ctx() ctx: Request, @IdArg() id: string) {
    allow(ctx, 'identity.session.get')
    if (!isId(id)) return null
    const found = await Promise.all(kinds.map((kind) => named(ctx, kind, id)))
    return found.find(Boolean) || null
  }
}

/** The interface finds the object type by this name. */
async function named(ctx: Request, { typeName, rule, find }: Kind, id: string) {
  const within = reachOrNot(ctx, rule)
  const row = within && (await find(ctx, id, within))
  return row && { ...row, typeName }
}

function reachOrNot(ctx: Request, rule: RuleName): Reach | null {
  try {
    return reach(ctx, rule)
  } catch (error) {
    if (error instanceof CloudError) return null
    throw error
  }
}
