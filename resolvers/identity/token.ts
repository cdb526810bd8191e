import { Ctx, FieldResolver, Mutation, Query, Resolver, Root } from 'type-graphql'
import { Project } from '../../schema/identity/project.ts'
import {
  Session,
  Token,
  TokenCreateInput,
  TokenCreatePayload,
  TokenRevokeInput,
  TokenRevokePayload,
} from '../../schema/identity/token.ts'
import { allow, refusal, ruleNames } from '../../services/access.ts'
import type { Actor } from '../../services/context.ts'
import { tokenRevoke } from '../../services/identity/revocation.ts'
import { tokenCreate } from '../../services/identity/sign-in.ts'
import { InputArg } from '../arguments.ts'
import type { Request } from '../request.ts'

/** A token as the API shows it: all of it is in the token itself. */
const tokenOf = (actor: Actor) => ({
  id: actor.tokenId,
  issuedAt: actor.issuedAt,
  expiresAt: actor.expiresAt,
  projectId: actor.projectId,
  user: { id: actor.userId, name: actor.userName },
  roles: actor.roles.map((name) => ({ name })),
})

@Resolver(() => Token)
export class TokenResolver {
  @Mutation(() => TokenCreatePayload, { description: 'Signs in. Needs no token.' })
  async tokenCreate(
    @Ctx() ctx: Request,
    @InputArg(() => TokenCreateInput) input: TokenCreateInput,
  ) {
    const { secret, actor } = await tokenCreate(ctx, input)
    return { secret, token: tokenOf(actor) }
  }

  @Mutation(() => TokenRevokePayload, {
    description: 'Takes a token of yours back, at once and everywhere.',
  })
  tokenRevoke(@Ctx() ctx: Request, @InputArg(() => TokenRevokeInput) input: TokenRevokeInput) {
    return tokenRevoke(ctx, input)
  }

  @FieldResolver(() => Project, {
    nullable: true,
    description: 'The project it is for; null: unscoped.',
  })
  project(@Ctx() ctx: Request, @Root() token: ReturnType<typeof tokenOf>) {
    return token.projectId ? ctx.load.project.load(token.projectId) : null
  }
}

@Resolver(() => Session)
export class SessionResolver {
  @Query(() => Session, { description: 'Who am I?' })
  session(@Ctx() ctx: Request) {
    return tokenOf(allow(ctx, 'identity.session.get'))
  }

  @FieldResolver(() => [String], {
    description: 'The access rules that let the caller through, by name: what may I do?',
  })
  rules(@Ctx() ctx: Request): string[] {
    const actor = allow(ctx, 'identity.session.get')
    return ruleNames.filter((name) => refusal(actor, name) === null)
  }

  @FieldResolver(() => Project, {
    nullable: true,
    description: 'The project of the token; null: unscoped.',
  })
  project(@Ctx() ctx: Request, @Root() token: ReturnType<typeof tokenOf>) {
    return token.projectId ? ctx.load.project.load(token.projectId) : null
  }
}
