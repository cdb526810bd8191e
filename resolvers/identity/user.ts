import {
  Args,
  Ctx,
  FieldResolver,
  Mutation,
  Query,
  Resolver,
  Root,
  Subscription,
} from 'type-graphql'
import type { User as UserRow } from '../../prisma/generated/client.ts'
import { PageArgs } from '../../schema/core/input.ts'
import { Domain } from '../../schema/identity/domain.ts'
import { Group, GroupConnection } from '../../schema/identity/group.ts'
import { Project } from '../../schema/identity/project.ts'
import { RoleAssignment, RoleAssignmentConnection } from '../../schema/identity/role-assignment.ts'
import {
  User,
  UserChange,
  UserConnection,
  UserCreateInput,
  UserDeleteInput,
  UserFilterInput,
  UserPasswordChangeInput,
  UserPasswordChangePayload,
  UserPayload,
  UserUpdateInput,
} from '../../schema/identity/user.ts'
import { may, reach } from '../../services/access/allow.ts'
import type { Actor } from '../../services/context.ts'
import { notFound } from '../../services/errors.ts'
import { isId } from '../../services/id.ts'
import { expiryOf } from '../../services/identity/password-change.ts'
import { assignmentsWithin } from '../../services/identity/role-assignment.ts'
import { userCreate, userDelete, usersWithin, userUpdate } from '../../services/identity/user.ts'
import { userPasswordChange } from '../../services/identity/user-password.ts'
import { FilterArg, IdArg, InputArg, OnlyArg, ResumeArg } from '../arguments.ts'
import { fresh } from '../loaders.ts'
import { pageOf, textFilter } from '../page.ts'
import type { Request } from '../request.ts'
import type { ChangeOf } from '../watch.ts'
import { nestedPage } from './nested-list.ts'
import { watchWithin } from './watch-within.ts'

const RULE = 'identity.user.list'

/** What a token says of its user; the rest is looked up where it is asked for. */
interface TokenUser {
  id: string
  name: string
}
type AnyUser = UserRow | TokenUser

async function rowOf(ctx: Request, user: AnyUser): Promise<UserRow> {
  const row = 'domainId' in user ? user : await ctx.load.user.load(user.id)
  if (!row) throw notFound('user', user.id)
  return row
}

const lazily =
  <Key extends keyof UserRow>(id: string, key: Key) =>
  async (_arguments: object, ctx: Request): Promise<UserRow[Key]> =>
    (await rowOf(ctx, { id, name: '' }))[key]

/** The user of a token: who and what it is called costs no SQL. */
export const userOfToken = ({ userId: id, userName: name }: Actor) => ({
  id,
  name,
  description: lazily(id, 'description'),
  enabled: lazily(id, 'enabled'),
  version: lazily(id, 'version'),
  createdAt: lazily(id, 'createdAt'),
  updatedAt: lazily(id, 'updatedAt'),
})

/** The row when the caller may see more of the user than the name. */
async function seen(ctx: Request, user: AnyUser): Promise<UserRow | null> {
  const row = await rowOf(ctx, user)
  return may(ctx, RULE, { domain_id: row.domainId, user_id: row.id }) ? row : null
}

@Resolver(() => User)
export class UserResolver {
  @Query(() => UserConnection, { description: 'The users that you may see: at least yourself.' })
  async users(
    @Ctx() ctx: Request,
    @Args(() => PageArgs) page: PageArgs,
    @FilterArg(() => UserFilterInput) filter?: UserFilterInput,
  ) {
    const { name, domainId, enabled, groupId } = filter ?? {}
    const where = {
      AND: [usersWithin(reach(ctx, RULE))],
      ...(name && { name: textFilter(name) }),
      ...(domainId && { domainId }),
      ...(enabled != null && { enabled }),
      ...(groupId && { groups: { some: { groupId } } }),
    }
    return UserConnection.of(await pageOf<User>(ctx.db.user, where, page))
  }

  @Query(() => User, { nullable: true, description: 'One user that you may see, or null.' })
  user(@Ctx() ctx: Request, @IdArg() id: string) {
    const within = usersWithin(reach(ctx, RULE))
    return isId(id) ? ctx.db.user.findFirst({ where: { AND: [{ id }, within] } }) : null
  }

  @Mutation(() => UserPayload, { description: 'Makes a user, without any role.' })
  async userCreate(@Ctx() ctx: Request, @InputArg(() => UserCreateInput) input: UserCreateInput) {
    const { id } = await userCreate(ctx, input)
    return { row: await fresh(ctx.load.user, id) }
  }

  @Mutation(() => UserPayload, {
    description: 'Changes, enables, disables or unlocks a user, or sets its password.',
  })
  async userUpdate(@Ctx() ctx: Request, @InputArg(() => UserUpdateInput) input: UserUpdateInput) {
    const { id } = await userUpdate(ctx, input)
    return { row: await fresh(ctx.load.user, id) }
  }

  @Mutation(() => UserPayload, {
    description: 'Deletes a user, with roles and credentials. What it made in projects stays.',
  })
  async userDelete(@Ctx() ctx: Request, @InputArg(() => UserDeleteInput) input: UserDeleteInput) {
    const { id } = await userDelete(ctx, input)
    return { row: await fresh(ctx.load.user, id) }
  }

  @Mutation(() => UserPasswordChangePayload, {
    description: 'Changes your own password and ends your other tokens.',
  })
  async userPasswordChange(
    @Ctx() ctx: Request,
    @InputArg(() => UserPasswordChangeInput) input: UserPasswordChangeInput,
  ) {
    const { id, secret } = await userPasswordChange(ctx, input)
    return { secret, user: await fresh(ctx.load.user, id) }
  }

  @Subscription(() => UserChange, {
    description: 'The users of the domain (or of all), then every change; one with `id`.',
    subscribe: watchWithin<UserRow>({
      resource: 'user',
      rule: RULE,
      rows: (ctx) => ctx.db.user,
      within: usersWithin,
      domainOf: (user) => user.domainId,
      load: (load, id) => load.user.load(id),
    }),
  })
  userChanged(
    @Root() change: ChangeOf<UserRow>,
    @OnlyArg() _id?: string,
    @ResumeArg() _after?: string,
  ): ChangeOf<UserRow> {
    return change
  }

  @FieldResolver(() => Domain, { description: 'The domain that it is in.' })
  async domain(@Ctx() ctx: Request, @Root() user: AnyUser) {
    return ctx.load.domain.load((await rowOf(ctx, user)).domainId)
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: 'The address for mail. This and what follows: null for who may not see the user.',
  })
  async email(@Ctx() ctx: Request, @Root() user: AnyUser) {
    return (await seen(ctx, user))?.email ?? null
  }

  @FieldResolver(() => Project, {
    nullable: true,
    description: 'The project of a sign-in that names none, while the user has a role there.',
  })
  async defaultProject(@Ctx() ctx: Request, @Root() user: AnyUser) {
    const id = (await seen(ctx, user))?.defaultProjectId
    return id ? ctx.load.project.load(id) : null
  }

  @FieldResolver(() => Date, { nullable: true, description: 'When the password must be changed.' })
  async passwordExpiresAt(@Ctx() ctx: Request, @Root() user: AnyUser) {
    const row = await seen(ctx, user)
    return row && expiryOf(row, ctx.passwordRules)
  }

  @FieldResolver(() => Date, {
    nullable: true,
    description: 'Until when nobody signs in as this user, after too many wrong passwords.',
  })
  async lockedUntil(@Ctx() ctx: Request, @Root() user: AnyUser) {
    const until = (await seen(ctx, user))?.lockedUntil
    return until && until > ctx.now() ? until : null
  }

  @FieldResolver(() => Boolean, {
    nullable: true,
    description: 'Whether the next sign-in must bring a new password.',
  })
  async mustChangePassword(@Ctx() ctx: Request, @Root() user: AnyUser) {
    return (await seen(ctx, user))?.mustChangePassword ?? null
  }

  @FieldResolver(() => Boolean, {
    nullable: true,
    description: 'Whether a second factor is asked for.',
  })
  async hasTotp(@Ctx() ctx: Request, @Root() user: AnyUser) {
    const row = await seen(ctx, user)
    return row && ctx.load.hasTotp.load(row.id)
  }

  @FieldResolver(() => GroupConnection, { nullable: true, description: 'The groups it is in.' })
  async groups(@Ctx() ctx: Request, @Root() user: AnyUser, @Args(() => PageArgs) page: PageArgs) {
    const row = await seen(ctx, user)
    if (!row) return null
    const found = await nestedPage<Group, Group>(ctx.load.groupsOfUser, row.id, page, {
      source: ctx.db.group,
      where: { members: { some: { userId: row.id } } },
      load: async (groups) => groups,
    })
    return GroupConnection.of(found)
  }

  @FieldResolver(() => RoleAssignmentConnection, {
    nullable: true,
    description:
      'The roles given to the user itself, as far as you may see them; those of its groups are with the groups.',
  })
  async roleAssignments(
    @Ctx() ctx: Request,
    @Root() user: AnyUser,
    @Args(() => PageArgs) page: PageArgs,
  ) {
    const row = await seen(ctx, user)
    if (!row) return null
    const within = reach(ctx, 'identity.role-assignment.list')
    const list = ctx.load.assignmentsOf({ holder: 'user', reach: within })
    const found = await nestedPage<RoleAssignment, { id: string }>(list, row.id, page, {
      source: ctx.db.roleAssignment,
      where: { AND: [{ userId: row.id }, assignmentsWithin(within)] },
      load: async (rows) => rows as RoleAssignment[],
    })
    return RoleAssignmentConnection.of(found)
  }
}
