import {
  Arg,
  Args,
  Ctx,
  FieldResolver,
  Mutation,
  Query,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql'
import type { RoleAssignment as RoleAssignmentRow } from '../../prisma/generated/client.ts'
import { PageArgs } from '../../schema/core/input.ts'
import { Domain } from '../../schema/identity/domain.ts'
import { Group } from '../../schema/identity/group.ts'
import { Project } from '../../schema/identity/project.ts'
import { Role } from '../../schema/identity/role.ts'
import {
  RoleAssignment,
  RoleAssignmentChange,
  RoleAssignmentConnection,
  RoleAssignmentCreateInput,
  RoleAssignmentDeleteInput,
  RoleAssignmentFilterInput,
  RoleAssignmentPayload,
} from '../../schema/identity/role-assignment.ts'
import { User } from '../../schema/identity/user.ts'
import { type Reach, reach } from '../../services/access/allow.ts'
import { isId } from '../../services/id.ts'
import {
  effectiveAssignments,
  effectiveCount,
} from '../../services/identity/effective-assignments.ts'
import {
  assignmentsWithin,
  roleAssignmentCreate,
  roleAssignmentDelete,
} from '../../services/identity/role-assignment.ts'
import { FilterArg, IdArg, InputArg, OnlyArg, ResumeArg } from '../arguments.ts'
import { fresh, placed } from '../loaders.ts'
import { pageOf } from '../page.ts'
import type { Request } from '../request.ts'
import type { ChangeOf } from '../watch.ts'
import { watchWithin } from './watch-within.ts'

const RULE = 'identity.role-assignment.list'

/** With the domain of its project: who may see it. */
type PlacedAssignment = RoleAssignmentRow & { project: { domainId: string } | null }

/** Of both kinds of row: as given, and effective. */
interface AnyRow {
  id: string
  roleId: string
  userId: string | null
  groupId: string | null
  projectId: string | null
  domainId: string | null
  via?: string
}

/** The effective list as a source of pages: `behind` is where the page begins. */
function effectiveSource(ctx: Request, filter: RoleAssignmentFilterInput, within: Reach) {
  return {
    $name: 'EffectiveRoleAssignment',
    findMany: ({ where, take }: { where: { AND?: { id?: { gt: string } }[] }; take: number }) => {
      const after = where.AND?.find(({ id }) => id)?.id?.gt ?? null
      return effectiveAssignments(ctx.db, filter, within, { after, take })
    },
    count: () => effectiveCount(ctx.db, filter, within),
  }
}

@Resolver(() => RoleAssignment)
export class RoleAssignmentResolver {
  @Query(() => RoleAssignmentConnection, {
    description:
      'Who was given which role where, as far as you may see it: at least your own. Effective: who has it in the end, by groups, inheritance and implied roles.',
  })
  async roleAssignments(
    @Ctx() ctx: Request,
    @Args(() => PageArgs) page: PageArgs,
    @Arg('effective', () => Boolean, {
      nullable: true,
      description: 'True: a row for each user, role and scope, which says by what ways.',
    })
    effective?: boolean,
    @FilterArg(() => RoleAssignmentFilterInput) filter: RoleAssignmentFilterInput = {},
  ) {
    const within = reach(ctx, RULE)
    if (effective) {
      const source = effectiveSource(ctx, filter ?? {}, within)
      return RoleAssignmentConnection.of(await pageOf<RoleAssignment>(source, {}, page))
    }
    const { system, ...ids } = filter ?? {}
    const asked = Object.fromEntries(Object.entries(ids).filter(([, id]) => id != null))
    const where = { AND: [assignmentsWithin(within), asked, system == null ? {} : { system }] }
    return RoleAssignmentConnection.of(
      await pageOf<RoleAssignment>(ctx.db.roleAssignment, where, page),
    )
  }

  @Query(() => RoleAssignment, {
    nullable: true,
    description: 'One assignment as it was given, or null.',
  })
  roleAssignment(@Ctx() ctx: Request, @IdArg() id: string) {
    const within = assignmentsWithin(reach(ctx, RULE))
    return isId(id) ? ctx.db.roleAssignment.findFirst({ where: { AND: [{ id }, within] } }) : null
  }

  @Subscription(() => RoleAssignmentChange, {
    description: 'The assignments in the domain (or all), then every change; one with `id`.',
    subscribe: watchWithin<PlacedAssignment>({
      resource: 'role_assignment',
      rule: RULE,
      rows: ({ db }) => ({
        findMany: (args) => db.roleAssignment.findMany({ ...args, include: placed }),
      }),
      within: assignmentsWithin,
      domainOf: ({ domainId, project }) => domainId ?? project?.domainId ?? null,
      load: (load, id) => load.roleAssignment.load(id),
    }),
  })
  roleAssignmentChanged(
    @Root() change: ChangeOf<PlacedAssignment>,
    @OnlyArg() _id?: string,
    @ResumeArg() _after?: string,
  ): ChangeOf<PlacedAssignment> {
    return change
  }

  @Mutation(() => RoleAssignmentPayload, {
    description:
      'Gives a role. Managers of a domain give manager, member and reader in it, to users and groups that have nothing beyond; operators give all.',
  })
  async roleAssignmentCreate(
    @Ctx() ctx: Request,
    @InputArg(() => RoleAssignmentCreateInput) input: RoleAssignmentCreateInput,
  ) {
    const { id } = await roleAssignmentCreate(ctx, input)
    return { row: await fresh(ctx.load.roleAssignment, id) }
  }

  @Mutation(() => RoleAssignmentPayload, {
    description:
      'Takes a role away, and ends all tokens of those who had it so. Your own, too: you can give up your rights while somebody else may administer the cloud, otherwise LAST_ADMINISTRATOR.',
  })
  async roleAssignmentDelete(
    @Ctx() ctx: Request,
    @InputArg(() => RoleAssignmentDeleteInput) input: RoleAssignmentDeleteInput,
  ) {
    const { id } = await roleAssignmentDelete(ctx, input)
    return { row: await fresh(ctx.load.roleAssignment, id) }
  }

  @FieldResolver(() => Role, { description: 'The role.' })
  role(@Ctx() ctx: Request, @Root() { roleId }: AnyRow) {
    return ctx.load.role.load(roleId)
  }

  @FieldResolver(() => User, { nullable: true, description: 'Who has it; null for a group.' })
  user(@Ctx() ctx: Request, @Root() { userId }: AnyRow) {
    return userId ? ctx.load.user.load(userId) : null
  }

  @FieldResolver(() => Group, {
    nullable: true,
    description: 'The group that gives it to its users; null for a user and when effective.',
  })
  group(@Ctx() ctx: Request, @Root() { groupId }: AnyRow) {
    return groupId ? ctx.load.group.load(groupId) : null
  }

  @FieldResolver(() => Project, { nullable: true, description: 'The project that it is on.' })
  project(@Ctx() ctx: Request, @Root() { projectId }: AnyRow) {
    return projectId ? ctx.load.project.load(projectId) : null
  }

  @FieldResolver(() => Domain, { nullable: true, description: 'The domain that it is on.' })
  domain(@Ctx() ctx: Request, @Root() { domainId }: AnyRow) {
    return domainId ? ctx.load.domain.load(domainId) : null
  }
}
